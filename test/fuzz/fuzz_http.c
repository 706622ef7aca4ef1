/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HTTP requests as they come: head, then body.  A head that is taken was waited for at every earlier cut, says the length of
 * its body in one way and names one path; a chunked body is the same however it is cut.
 *
 * The first byte says where things are cut.
 */
#include <string.h>
#include "fuzz.h"
#include "web/http.h"

/* Segments that are neither empty nor dots; nothing that another reader could take for a slash or an end. */
static void check_path(struct str path)
{
	struct str rest = path;

	MUST(path.p && path.n && path.p[0] == '/');
	for (size_t i = 0; i < path.n; i++)
		MUST((unsigned char)path.p[i] >= 0x20 && path.p[i] != '\\' && path.p[i] != 0x7f);
	str_cut(&rest, '/');
	while (rest.n) {
		struct str segment = str_cut(&rest, '/');

		MUST(segment.n && !str_eq(segment, STR(".")) && !str_eq(segment, STR("..")));
	}
}

static void check_head(const struct http_head *h, struct str bytes)
{
	size_t nhost, nlength, ncoding;

	(void)http_field(h, "host", &nhost);
	(void)http_field(h, "Content-Length", &nlength);
	(void)http_field(h, "TRANSFER-ENCODING", &ncoding);
	MUST(nhost <= 1 && nlength + ncoding <= 1);
	MUST(h->has_length == (nlength == 1) && h->is_chunked == (ncoding == 1));
	MUST(!h->content_length || h->has_length);
	for (size_t i = 0; i < h->nfields; i++) {
		const struct http_field *f = &h->fields[i];

		MUST(f->name.p >= bytes.p && f->value.p + f->value.n <= bytes.p + bytes.n);
		MUST(!memchr(f->value.p, '\r', f->value.n) &&
		     !memchr(f->value.p, '\n', f->value.n));
	}
	check_path(h->path);
}

/* A copy of exactly n bytes, so that a read beyond is seen. */
static int parse(struct http_head *h, const uint8_t *p, size_t n, size_t *usedp)
{
	char *copy = malloc(n ? n : 1);
	unsigned status = 0;
	int err;

	MUST(copy);
	memcpy(copy, p, n);
	err = http_head_parse(h, (struct str){copy, n}, usedp, &status);
	MUST(err == 0 || err == EAGAIN || (err == EBADMSG && status >= 400 && status < 600));
	if (!err) {
		MUST(*usedp <= n && *usedp <= HTTP_MAX_HEAD);
		check_head(h, (struct str){copy, n});
	}
	free(copy);
	return err;
}

static int feed(struct buf *out, struct str rest, size_t piece, size_t *usedp)
{
	struct http_chunked c = {0};
	int err = EAGAIN;

	*usedp = 0;
	while (rest.n && err == EAGAIN) {
		size_t used, n = rest.n < piece ? rest.n : piece;

		err = http_chunked_feed(&c, (struct str){rest.p, n}, &used, out);
		MUST(used <= n && (err || c.st == CHUNK_DONE) && (err != EAGAIN || used == n));
		rest.p += used;
		rest.n -= used;
		*usedp += used;
	}
	return err;
}

static void check_body(const uint8_t *p, size_t n, size_t piece)
{
	struct buf whole = {.max = 4096}, pieces = {.max = 4096};
	struct str body = {(const char *)p, n};
	size_t used, used_again;
	int err = feed(&whole, body, n ? n : 1, &used),
	    again = feed(&pieces, body, piece, &used_again);

	MUST(err == again || err == ENOSPC || again == ENOSPC);
	if (!err && !again) {
		MUST(used == used_again && whole.n == pieces.n);
		MUST(!whole.n || memcmp(whole.p, pieces.p, whole.n) == 0);
	}
	buf_free(&whole);
	buf_free(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct http_head h;
	size_t used = 0, cut, ignored;

	if (!n)
		return 0;
	cut = p[0];
	p++;
	n--;
	if (parse(&h, p, n, &used)) {
		check_body(p, n, cut ? cut : 1);
		return 0;
	}
	MUST(parse(&h, p, used - 1, &ignored) == EAGAIN);
	if (cut < used)
		MUST(parse(&h, p, cut, &ignored) == EAGAIN);
	check_body(p + used, n - used, cut ? cut : 1);
	return 0;
}
