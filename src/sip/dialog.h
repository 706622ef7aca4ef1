/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A dialog as a value: what RFC 3261 section 12 keeps, and the rules over it.  Registered dialogs get the requests that
 * belong to them; the stack answers 481 for unknown ones.
 *
 * Thread     core
 * Ownership  a dialog owns its text; sip_dialog_close() releases it
 * Units      where requests go: the first route or the target, when it names an address over UDP and no NAT stands before it; else `flow`
 * Errors     EPROTO: the message cannot make a dialog (no Contact that can be reached); E2BIG: its routes are too long
 * Sources    RFC 3261 12; RFC 3263 is net's business: `flow` says where requests go
 */
#ifndef SIP_DIALOG_H
#define SIP_DIALOG_H

#include "base/map.h"
#include "sip/sip.h"

struct sip_dialog;
/* In-dialog request whose CSeq and tags were right. */
typedef void sip_dialog_request_h(struct sip_dialog *d, struct sip_strans *st,
				  const struct sip_msg *req, void *arg);

struct sip_dialog {
	struct sip *sip;
	char *call_id, *local_tag, *remote_tag;
	char *local_uri, *remote_uri; /* From/To header values without tag */
	char *remote_target;
	char *contact;			  /* ours, header value */
	char *routes;			  /* "Route: …\r\n" lines */
	uint32_t local_cseq, remote_cseq; /* remote 0: none yet */
	enum sip_method remote_method;	  /* what had remote_cseq last */
	bool is_secure;
	bool is_natted; /* what it says of where it is, is not believed: requests go back along `flow` */
	struct flow flow;     /* the way its last message came */
	oid held;	      /* connection that is held for it; 0: none */
	struct map_node node; /* private to the stack */
	bool is_registered, is_uac;
	uint64_t edit_for; /* sip_on_edit(): its requests, and answers to those that come in it */
	bool is_over;	   /* its usage has ended: OPTIONS finds it no more */
	sip_dialog_request_h *fn;
	void *arg;
};

/* A confirmed dialog as plain values: what continues it after a crash or on another node. */
enum { SIP_KEPT_ROUTES_BYTES = 1024 };
struct sip_dialog_kept {
	uint64_t edit_for; /* as of the dialog */
	uint32_t local_cseq, remote_cseq;
	uint8_t is_secure, is_uac, transport, is_natted, face_via, pad[3];
	char call_id[256];
	char local_tag[64], remote_tag[128];
	char local_uri[256], remote_uri[256];
	char remote_target[512];
	char contact[256];
	char routes[SIP_KEPT_ROUTES_BYTES];
	struct addr local, remote; /* of the flow */
};

/* UAS side: from a request that makes a dialog. */
int sip_dialog_from_request(struct sip_dialog **dp, struct sip *s, const struct sip_msg *req,
			    const char *local_tag, const char *contact) MUST_USE;
/* UAC side: from a response to a request we sent, under a tag of sip_make_tag(); contact: our Contact in it. */
int sip_dialog_from_response(struct sip_dialog **dp, struct sip *s, const struct sip_msg *resp,
			     struct str contact) MUST_USE;
struct sip_dialog *sip_dialog_close(struct sip_dialog *d);
int sip_dialog_register(struct sip_dialog *d, sip_dialog_request_h *fn,
			void *arg) MUST_USE; /* ENOSPC: max_dialogs */
/* Look-up for Replaces and Join: Call-ID and tags as we would write them. */
struct sip_dialog *sip_dialog_find(struct sip *s, struct str call_id, struct str local_tag,
				   struct str remote_tag);
/* Is there a NAT before who sent this?  None, when its Via names the very address that it came from. */
bool sip_is_natted(const struct sip_msg *req);
/* The address that a URI names as a number, for UDP.  False: it names none. */
bool sip_uri_address(struct str uri, struct addr *out);
/* Who is at this URI has come over another connection: if that is the peer (it is known to be, or has the target's user, host and port),
 * and no proxy stands before it, requests go there from now on.  Never from what is protected to what is not. */
bool sip_dialog_moved(struct sip_dialog *d, struct str uri, const struct flow *flow, bool is_peer);
/* Target refresh from a request or 2xx (12.2). */
int sip_dialog_refresh(struct sip_dialog *d, const struct sip_msg *m) MUST_USE;
/* The ACK to the 2xx of the INVITE with that CSeq.  bytesp, when given, takes it as sent, for 2xx that come again. */
int sip_dialog_ack(struct sip_dialog *d, uint32_t cseq, const struct sip_extra *extra,
		   char **bytesp, size_t *np) MUST_USE;
/* As plain values and back.  E2BIG: it does not fit, and *kept is zeroed; EINVAL: kept is empty. */
int sip_dialog_keep(const struct sip_dialog *d, struct sip_dialog_kept *kept) MUST_USE;
int sip_dialog_restore(struct sip_dialog **dp, struct sip *s,
		       const struct sip_dialog_kept *kept) MUST_USE;
/* Send a request within the dialog, with the next CSeq (d->local_cseq is then its number). */
int sip_dialog_send(struct sip_dialog *d, enum sip_method method, const struct sip_extra *extra,
		    sip_response_h *fn, void *arg, oid *idp) MUST_USE;

#endif
