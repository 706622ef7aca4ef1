/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is at a leg: what its requests say of that and may be believed, and what the other side is told.
 *
 * Believed is From; and, of trunks and accounts that are trusted, what they assert (P-Asserted-Identity, Remote-Party-ID; of
 * accounts P-Preferred-Identity too).  Whoever asks for privacy is "Anonymous" to all but trusted trunks, believed or not.
 *
 * Thread     core
 * Sources    RFC 3323, RFC 3325, RFC 5876; draft-ietf-sip-privacy-04 (Remote-Party-ID), as devices and providers write it
 */
#ifndef CALL_PARTY_H
#define CALL_PARTY_H

#include "call/leg.h"

#define PARTY_ANONYMOUS "\"Anonymous\" <sip:anonymous@anonymous.invalid>"

struct party {
	char number[128], name[128]; /* may be empty */
	bool is_private;
};

/* What a request or response says of who sent it.  number: "" when it says nothing usable. */
void party_read(struct party *p, const struct sip_msg *m, bool is_trusted);
/* Only what is asserted; false: nothing. */
bool party_asserted(struct party *p, const struct sip_msg *m);
/* Of an account: what it would like to be known as counts too. */
bool party_preferred(struct party *p, const struct sip_msg *m);
bool party_wants_privacy(const struct sip_msg *m);

/* Is what this leg's side asserts believed? */
bool party_is_trusted(const struct leg *leg);
/* WEB-3: as a phone book that `to` sees names who is outside; false: none does, or that is private. */
bool party_known_name(const struct leg *to, const struct leg *other, const char *number, char *dst,
		      size_t dst_bytes);
/* Who is at the leg, for the other side. */
void party_of(struct party *p, const struct leg *leg);
/* Remember what the records do not say; without memory they decide. */
void party_keep(struct leg *leg, const struct party *p);
/* It has answered or offered: take what it asserts, when that is believed. */
void party_hear(struct leg *leg, const struct sip_msg *m);
/* The header lines by which `to` is told who it talks to, in the way that its trunk or account wants. */
void party_write(struct buf *lines, const struct leg *to, const struct party *who);
/* The same of another leg; of one inside, what a trunk may be told. */
void party_tell(struct buf *lines, struct leg *to, const struct leg *other);
/* Of whom it talks to, or is about to; nothing when it talks to nobody. */
void party_tell_peer(struct buf *lines, struct leg *to);
/* It was told of somebody else: UPDATE or re-INVITE, by what it takes (RFC 3311, RFC 5876). */
void party_refresh(struct leg *to);
/* Who calls it is known to it by its INVITE. */
void party_was_told(struct leg *to, const struct leg *other);
/* "display" <sip:number@domain> */
void party_write_addr(struct buf *out, struct str display, struct str number, struct str domain);

#endif
