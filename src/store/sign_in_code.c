/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/sign_in_code.h"
#include <inttypes.h>
#include <string.h>
#include "base/addr.h"

/* user and password (RFC 3261 25.1): what is neither unreserved nor theirs is escaped. */
static void add_escaped(struct buf *out, const char *text, const char *may)
{
	for (; *text; text++) {
		const char c = *text;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    strchr("-_.!~*'()&=+$,", c) || strchr(may, c))
			buf_char(out, c);
		else
			buf_printf(out, "%%%02X", (uint8_t)c);
	}
}

struct transports {
	const struct account *account;
	int64_t sip_port, tls_port;
	int best; /* place in wanted[]; -1: none yet */
	int64_t port;
};

static const struct {
	int protocol;
	const char *name;
} wanted[] = {
	{TRANSPORT_PROTOCOL_UDP, "udp"},
	{TRANSPORT_PROTOCOL_TCP, "tcp"},
	{TRANSPORT_PROTOCOL_TLS, "tls"},
};

static bool may_use(const struct account *a, int protocol)
{
	if (a->srtp == SRTP_USE_REQUIRED) /* its keys stand in the signalling */
		return protocol == TRANSPORT_PROTOCOL_TLS && a->allow_tls;
	return protocol == TRANSPORT_PROTOCOL_UDP   ? a->allow_udp
	       : protocol == TRANSPORT_PROTOCOL_TCP ? a->allow_tcp
						    : a->allow_tls;
}

static int look(struct object **op, void *arg)
{
	const struct transport *t = (const struct transport *)*op;
	struct transports *found = arg;

	for (int i = 0; t->enabled && i < (int)ARRAY_LEN(wanted); i++)
		if (t->protocol == wanted[i].protocol && may_use(found->account, t->protocol) &&
		    (found->best < 0 || i < found->best)) {
			found->best = i;
			found->port = t->port				      ? t->port
				      : t->protocol == TRANSPORT_PROTOCOL_TLS ? found->tls_port
									      : found->sip_port;
		}
	return 0;
}

static int keep_first(struct object **op, void *arg)
{
	struct object **kept = arg;

	if (!*kept) {
		*kept = *op;
		*op = NULL;
	}
	return 0;
}

int sign_in_server(struct rows *r, const char *domain, char dst[256])
{
	struct object *o = NULL;
	const struct network_setting *n;
	struct str host = str_of(domain), rest;
	char text[ADDR_STR_BYTES];
	bool is_own = false;
	int err = rows_each_of(r, &resource_network_setting, 0, keep_first, &o);

	n = (const struct network_setting *)o;
	if (n && *n->web_domain) {
		host = str_of(n->web_domain);
	} else if (n && *n->public_addresses) {
		rest = str_of(n->public_addresses);
		host = str_trim(str_cut(&rest, ','));
	} else {
		for (size_t i = 0; i < r->nown && !is_own; i++) {
			is_own = !addr_is_any(&r->own[i]);
			if (is_own)
				host = str_of(addr_ip_str(text, &r->own[i]));
		}
	}
	if (!err)
		err = str_copy(dst, 256, host);
	object_free(o);
	return err;
}

int sign_in_code(struct rows *r, const struct account *a, struct buf *uri)
{
	struct transports found = {
		.account = a, .sip_port = r->sip_port, .tls_port = r->tls_port, .best = -1};
	struct object *t = NULL;
	const char *domain;
	char server[256];
	int err = rows_load(r, &resource_tenant, 0, a->o.tenant_id, false, &t);

	if (!err)
		err = rows_each(r, &resource_transport, look, &found);
	if (!err)
		err = sign_in_server(r, ((const struct tenant *)t)->domain, server);
	if (err) {
		object_free(t);
		return err;
	}
	domain = ((const struct tenant *)t)->domain;
	buf_cstr(uri, "sip:");
	add_escaped(uri, a->username, ";?/");
	buf_char(uri, ':');
	add_escaped(uri, a->password, "");
	buf_printf(uri, strchr(domain, ':') ? "@[%s]" : "@%s", domain);
	if (found.port && found.port != (found.best == 2 ? 5061 : 5060))
		buf_printf(uri, ":%" PRId64, found.port);
	if (found.best >= 0)
		buf_printf(uri, ";transport=%s", wanted[found.best].name);
	if (strcasecmp(server, domain) != 0)
		buf_printf(uri, strchr(server, ':') ? ";maddr=[%s]" : ";maddr=%s", server);
	object_free(t);
	return uri->err;
}
