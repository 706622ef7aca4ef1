/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DESIGN  A frame is read only when all of it is there, as a request's head is: no state between calls but that of a message
 * in parts, so nothing can be left half-read.  Its head is judged as soon as it is there: who announces a gigabyte is
 * told so before he sends it.
 */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "web/websocket.h"

enum {
	CODE_NORMAL = 1000,
	CODE_PROTOCOL = 1002,
	CODE_NONE = 1005, /* never on the wire */
	CODE_NOT_UTF8 = 1007,
	CODE_TOO_BIG = 1009,
	CODE_OURS = 1011,
	KEY_CHARS = 24,
};

/* ---- the hand-shake ---- */

static bool has_word(const struct http_head *h, const char *name, struct str word, bool folded)
{
	for (size_t i = 0; i < h->nfields; i++) {
		struct str list = h->fields[i].value;

		if (!str_ieq(h->fields[i].name, str_of(name)))
			continue;
		while (list.p) {
			struct str one = str_trim(str_cut(&list, ','));

			if (folded ? str_ieq(one, word) : str_eq(one, word))
				return true;
		}
	}
	return false;
}

void websocket_refuse(struct buf *out, unsigned status, const char *why)
{
	buf_printf(out, "HTTP/1.1 %u %s\r\n", status, http_reason(status));
	if (status == 426)
		buf_cstr(out, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
	buf_printf(out,
		   "Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
		   "Content-Length: %zu\r\nX-Content-Type-Options: nosniff\r\n\r\n%s\n",
		   strlen(why) + 1, why);
}

/* Sixteen bytes in base64: 22 characters and "==". */
static bool is_key(struct str key)
{
	uint8_t raw[KEY_CHARS];

	return key.n == KEY_CHARS && key.p[22] == '=' && key.p[23] == '=' && key.p[21] != '=' &&
	       EVP_DecodeBlock(raw, (const uint8_t *)key.p, KEY_CHARS) == 18;
}

static void write_accept(struct buf *out, struct str key)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t both[KEY_CHARS + sizeof(guid)], digest[SHA_DIGEST_LENGTH];
	uint8_t text[32];

	memcpy(both, key.p, KEY_CHARS);
	memcpy(both + KEY_CHARS, guid, sizeof(guid));
	SHA1(both, KEY_CHARS + sizeof(guid) - 1, digest);
	EVP_EncodeBlock(text, digest, sizeof(digest));
	buf_cstr(out, (const char *)text);
}

/* What is wrong with the request; NULL: nothing. */
static const char *flaw(const struct http_head *h, struct str subprotocol, unsigned *statusp)
{
	size_t nkeys, nversions;
	struct str key = http_field(h, "Sec-WebSocket-Key", &nkeys);
	struct str version = http_field(h, "Sec-WebSocket-Version", &nversions);

	*statusp = 405;
	if (!str_eq(h->method, STR("GET")))
		return "A WebSocket is asked for with GET.";
	*statusp = 400;
	if (h->is_http10 || h->is_chunked || h->content_length)
		return "A WebSocket is asked for with HTTP/1.1 and without a body.";
	*statusp = 426;
	if (!has_word(h, "Upgrade", STR("websocket"), true) ||
	    !has_word(h, "Connection", STR("upgrade"), true))
		return "Only WebSocket is spoken here.";
	if (nversions != 1 || !str_eq(version, STR("13")))
		return "Only version 13 of WebSocket is spoken here.";
	*statusp = 400;
	if (nkeys != 1 || !is_key(key))
		return "Sec-WebSocket-Key is not 16 bytes in base64.";
	if (subprotocol.n && !has_word(h, "Sec-WebSocket-Protocol", subprotocol, false))
		return "The subprotocol that is spoken here was not offered.";
	return NULL;
}

int websocket_accept(const struct http_head *h, struct str subprotocol, struct buf *out,
		     unsigned *statusp)
{
	const char *why = flaw(h, subprotocol, statusp);

	if (why) {
		websocket_refuse(out, *statusp, why);
		return EBADMSG;
	}
	*statusp = 101;
	buf_cstr(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		      "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
	write_accept(out, http_field(h, "Sec-WebSocket-Key", NULL));
	if (subprotocol.n)
		buf_printf(out, "\r\nSec-WebSocket-Protocol: %.*s", STR_ARG(subprotocol));
	buf_cstr(out, "\r\n\r\n");
	return out->err;
}

/* ---- frames ---- */

struct frame_head {
	enum websocket_op op;
	bool is_final;
	size_t bytes; /* of the head */
	uint64_t n;   /* of the payload */
	uint8_t mask[4];
};

static enum websocket_kind bad(struct websocket *w, uint16_t code, const char *why)
{
	w->close_code = code;
	w->why = why;
	return WEBSOCKET_BAD;
}

/* What the first two bytes say that nobody may say. */
static const char *head_flaw(const struct websocket *w, const uint8_t p[2])
{
	uint8_t op = p[0] & 0xf;
	bool is_final = p[0] & 0x80;

	if (p[0] & 0x70)
		return "an extension that was not agreed on";
	if (!(p[1] & 0x80))
		return "a frame that is not masked";
	if (op & 0x8) {
		if (op > WEBSOCKET_OP_PONG)
			return "a frame of an unknown kind";
		if (!is_final || (p[1] & 0x7f) > WEBSOCKET_MAX_CONTROL)
			return "a control frame in parts, or too long";
		return NULL;
	}
	if (op > WEBSOCKET_OP_BINARY)
		return "a frame of an unknown kind";
	if (w->in_message != (op == WEBSOCKET_OP_MORE))
		return op == WEBSOCKET_OP_MORE ? "the next part of nothing"
					       : "a message within a message";
	return NULL;
}

/* Reads what is there of the head.  WEBSOCKET_PART: all of it. */
static enum websocket_kind read_head(struct websocket *w, struct frame_head *h, const uint8_t *p,
				     size_t n)
{
	const char *why;
	size_t more;

	if (n < 2)
		return WEBSOCKET_WAIT;
	why = head_flaw(w, p);
	if (why)
		return bad(w, CODE_PROTOCOL, why);
	h->op = (enum websocket_op)(p[0] & 0xf);
	h->is_final = p[0] & 0x80;
	h->n = p[1] & 0x7f;
	more = h->n == 127 ? 8 : h->n == 126 ? 2 : 0;
	h->bytes = 2 + more + sizeof(h->mask);
	if (n < 2 + more)
		return WEBSOCKET_WAIT;
	if (more) {
		h->n = 0;
		for (size_t i = 0; i < more; i++)
			h->n = h->n << 8 | p[2 + i];
		if (h->n < (more == 2 ? 126u : 65536u) || h->n >> 63)
			return bad(w, CODE_PROTOCOL, "a length in more bytes than it takes");
	}
	if (h->n > w->max - (w->in_message && !(h->op & 0x8) ? w->joined.n : 0))
		return bad(w, CODE_TOO_BIG, "a message that is too large");
	if (n < h->bytes)
		return WEBSOCKET_WAIT;
	memcpy(h->mask, p + 2 + more, sizeof(h->mask));
	return WEBSOCKET_PART;
}

static void unmask(uint8_t *p, size_t n, const uint8_t mask[4])
{
	for (size_t i = 0; i < n; i++)
		p[i] ^= mask[i & 3];
}

static bool may_be_sent(uint16_t code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

static enum websocket_kind closed(struct websocket *w, struct str *payload)
{
	const uint8_t *p = (const uint8_t *)payload->p;

	w->close_code = CODE_NONE;
	if (!payload->n)
		return WEBSOCKET_CLOSE;
	if (payload->n == 1)
		return bad(w, CODE_PROTOCOL, "a close with half a code");
	w->close_code = (uint16_t)(p[0] << 8 | p[1]);
	if (!may_be_sent(w->close_code))
		return bad(w, CODE_PROTOCOL, "a close with a code that nobody sends");
	if (!str_is_utf8((struct str){payload->p + 2, payload->n - 2}))
		return bad(w, CODE_NOT_UTF8, "a close whose reason is no UTF-8");
	payload->n = 2;
	return WEBSOCKET_CLOSE;
}

static enum websocket_kind whole(struct websocket *w, struct str message)
{
	w->in_message = false;
	if (w->is_text && !str_is_utf8(message))
		return bad(w, CODE_NOT_UTF8, "a text that is no UTF-8");
	return WEBSOCKET_MESSAGE;
}

static enum websocket_kind data(struct websocket *w, const struct frame_head *h,
				struct str *payload)
{
	if (h->op != WEBSOCKET_OP_MORE) {
		w->is_text = h->op == WEBSOCKET_OP_TEXT;
		buf_free(&w->joined); /* of the message before */
		if (h->is_final)
			return whole(w, *payload);
	}
	w->in_message = true;
	buf_add(&w->joined, payload->p, payload->n);
	if (w->joined.err)
		return bad(w, CODE_OURS, "no memory");
	if (!h->is_final)
		return WEBSOCKET_PART;
	*payload = buf_view(&w->joined);
	return whole(w, *payload);
}

enum websocket_kind websocket_next(struct websocket *w, uint8_t *p, size_t n, size_t *take,
				   struct str *payload)
{
	struct frame_head h;
	enum websocket_kind kind = read_head(w, &h, p, n);

	*take = 0;
	if (kind != WEBSOCKET_PART)
		return kind;
	if (n - h.bytes < h.n)
		return WEBSOCKET_WAIT;
	unmask(p + h.bytes, (size_t)h.n, h.mask);
	*payload = (struct str){(const char *)p + h.bytes, (size_t)h.n};
	*take = h.bytes + (size_t)h.n;
	switch (h.op) {
	case WEBSOCKET_OP_PING:
		return WEBSOCKET_PING;
	case WEBSOCKET_OP_PONG:
		return WEBSOCKET_PONG;
	case WEBSOCKET_OP_CLOSE:
		return closed(w, payload);
	default:
		return data(w, &h, payload);
	}
}

void websocket_free(struct websocket *w)
{
	buf_free(&w->joined);
}

/* ---- ours ---- */

size_t websocket_head(uint8_t head[WEBSOCKET_HEAD_BYTES], enum websocket_op op, size_t n)
{
	size_t more = n > UINT16_MAX ? 8 : n > WEBSOCKET_MAX_CONTROL ? 2 : 0;

	head[0] = (uint8_t)(0x80 | op);
	head[1] = (uint8_t)(more == 8 ? 127 : more == 2 ? 126 : n);
	for (size_t i = 0; i < more; i++)
		head[2 + i] = (uint8_t)((uint64_t)n >> (8 * (more - 1 - i)));
	return 2 + more;
}

size_t websocket_close_payload(uint8_t payload[WEBSOCKET_MAX_CONTROL], uint16_t code,
			       const char *why)
{
	size_t n = strlen(why);

	if (n > WEBSOCKET_MAX_CONTROL - 2)
		n = WEBSOCKET_MAX_CONTROL - 2;
	payload[0] = (uint8_t)(code >> 8);
	payload[1] = (uint8_t)code;
	memcpy(payload + 2, why, n);
	return n + 2;
}
