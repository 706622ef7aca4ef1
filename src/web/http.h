/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading HTTP/1.1 requests and writing responses: pure functions over bytes, strict where leniency is how requests are
 * smuggled past a proxy (one way to say how long a body is, one line ending, no folding, one Host).
 *
 * Thread     any
 * Ownership  a parsed head borrows the bytes it was read from; the decoded path lies in the head itself
 * Errors     EAGAIN: more bytes are needed.  EBADMSG: refused, *statusp says with which status
 * Sources    RFC 9112, RFC 9110, RFC 3986
 */
#ifndef WEB_HTTP_H
#define WEB_HTTP_H

#include "base/buf.h"
#include "web/web.h"

enum {
	HTTP_MAX_HEAD = 16384,
	HTTP_MAX_LINE = 8192, /* request line */
	HTTP_MAX_FIELDS = 64,
};

struct http_field {
	struct str name, value;
};

struct http_head {
	struct str method, path, query;
	struct http_field fields[HTTP_MAX_FIELDS];
	size_t nfields;
	bool keep_alive;
	bool is_chunked;
	bool has_length;
	bool expects_continue;
	bool is_http10;
	uint64_t content_length;
	char path_bytes[HTTP_MAX_LINE];
};

/* *usedp: bytes of the head, its empty line included. */
int http_head_parse(struct http_head *h, struct str bytes, size_t *usedp,
		    unsigned *statusp) MUST_USE;
/* The bytes it borrows from were copied from `from` to `to`. */
void http_head_rebase(struct http_head *h, const char *from, size_t n, const char *to);
/* Value of a field by name (case folded), STR_NONE when absent; *countp (may be NULL): how often it came. */
struct str http_field(const struct http_head *h, const char *name, size_t *countp);
/* Unescape and check a path: EINVAL for what could be read in two ways (%2f, %00, "..", "//", bad UTF-8 …). */
int http_path_decode(char *dst, size_t dst_bytes, struct str raw, struct str *out) MUST_USE;

/* A chunked body, fed as it comes.  Zeroed: at its start. */
struct http_chunked {
	enum {
		CHUNK_SIZE,
		CHUNK_EXT,
		CHUNK_SIZE_LF,
		CHUNK_DATA,
		CHUNK_DATA_CR,
		CHUNK_DATA_LF,
		CHUNK_TRAILER,
		CHUNK_DONE
	} st;
	uint64_t left;
	unsigned digits;
	size_t overhead; /* bytes of extensions and trailers: bounded */
	bool line_empty; /* trailer line so far */
	bool saw_cr;
};
/* Appends data to `out` (whose max bounds it: ENOSPC).  0: the body is whole; EAGAIN; EBADMSG.  *usedp: bytes eaten. */
int http_chunked_feed(struct http_chunked *c, struct str bytes, size_t *usedp,
		      struct buf *out) MUST_USE;

/* A response as bytes. */
struct http_write {
	const struct web_response *resp;
	const char *request_id;
	int64_t wall_us;
	bool is_head, keep_alive;
	bool is_chunked; /* else a body that has more ends with the connection */
};
void http_response_write(struct buf *out, const struct http_write *w);
/* A chunk; none of no bytes, which would be the last. */
void http_chunk_write(struct buf *out, struct str bytes);
const char *http_reason(unsigned status);

#endif
