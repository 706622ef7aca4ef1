/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recorded calls (PBX-7): shown, played, carried away, deleted; and how much of its disk a tenant uses (TEN-2). */
#include "api/ask.h"
#include "api/starts.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* NULL: answered. */
static json_t *one_of_own(struct ask *k)
{
	json_t *args;

	if (ask_is_nothing(k))
		return NULL;
	args = json_pack("{s:o}", "id", json_sprintf("%" PRIu64, k->target));
	ask_add_own(k, args);
	return args;
}

void recording_start(struct ask *k)
{
	json_t *args = one_of_own(k);

	if (args)
		return ask_query(k, k->who.tenant_id, "recording", args, ask_answered);
}

void storage_start(struct ask *k)
{
	return ask_query(k, k->who.tenant_id, "storage", json_object(), ask_answered);
}

void recording_delete_start(struct ask *k)
{
	json_t *args = one_of_own(k);

	if (args)
		return ask_act(k, "recording_delete", args, ask_done);
}

/* ---- its bytes ---- */

enum { PIECE_BYTES = 256 << 10 };

static void next_piece(struct ask *k);

/* In the middle an error ends the connection: nobody takes what came for the whole. */
static void on_piece(struct ask *k, const struct answer *ans)
{
	uint64_t left = k->range.to - k->range.from;
	struct str piece = ans->json;
	bool is_last;
	int err;

	if (ans->err || !piece.n)
		return ask_failed(k, ans->err ? ans : &(struct answer){.err = EIO});
	if (piece.n > left)
		piece.n = (size_t)left;
	k->range.from += piece.n;
	is_last = k->range.from == k->range.to;
	err = web_more(k->a->web, k->request, piece, is_last);
	if (err || is_last)
		return ask_free(k);
	return ask_pace(k, next_piece);
}

static void next_piece(struct ask *k)
{
	uint64_t left = k->range.to - k->range.from;
	json_t *args = json_pack("{s:o,s:I,s:I}", "id", json_sprintf("%" PRIu64, k->target),
				 "offset", (json_int_t)k->range.from, "length",
				 (json_int_t)(left < PIECE_BYTES ? left : PIECE_BYTES));

	return ask_query(k, k->who.tenant_id, "recording_bytes", args, on_piece);
}

static void refuse_range(struct ask *k, uint64_t nbytes)
{
	char line[64];
	struct web_response r = {.status = 416, .content_type = "application/octet-stream"};

	(void)snprintf(line, sizeof(line), "Content-Range: bytes */%" PRIu64 "\r\n", nbytes);
	r.headers = str_of(line);
	return ask_reply(k, &r);
}

static void begin(struct ask *k, const char *format, uint64_t nbytes, bool is_part)
{
	char lines[256];
	struct web_response r = {.status = is_part ? 206 : 200,
				 .content_type =
					 strcmp(format, "avi") ? "audio/wav" : "video/x-msvideo",
				 .has_more = true};
	int n = snprintf(lines, sizeof(lines),
			 "Accept-Ranges: bytes\r\n"
			 "Content-Disposition: inline; filename=\"%" PRIu64 ".%s\"\r\n",
			 k->target, format);

	if (is_part)
		(void)snprintf(lines + n, sizeof(lines) - (size_t)n,
			       "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n",
			       k->range.from, k->range.to - 1, nbytes);
	r.headers = str_of(lines);
	ask_begin(k, &r);
	return next_piece(k);
}

/* RFC 9110 14.1.2: what is asked for beyond the end is left out; "-500" are the last 500. */
static bool fit_range(struct ask *k, uint64_t nbytes)
{
	if (k->range.is_suffix) {
		k->range.from = k->range.to < nbytes ? nbytes - k->range.to : 0;
		k->range.to = nbytes;
	}
	if (!k->range.is_asked || k->range.to > nbytes)
		k->range.to = nbytes;
	return k->range.from < k->range.to;
}

static void on_file(struct ask *k, const struct answer *ans)
{
	json_t *j = ans->err ? NULL : json_loadb(ans->json.p, ans->json.n, 0, NULL);
	uint64_t nbytes = (uint64_t)json_integer_value(json_object_get(j, "bytes"));
	const char *text = json_string_value(json_object_get(j, "format"));
	char format[4];

	if (ans->err)
		return ask_failed(k, ans);
	str_fit(format, sizeof(format), str_of(text ? text : ""));
	json_decref(j);
	if (!fit_range(k, nbytes))
		return refuse_range(k, nbytes);
	return begin(k, format, nbytes, k->range.is_asked);
}

void recording_content_start(struct ask *k)
{
	json_t *args = one_of_own(k);

	if (args)
		return ask_query(k, k->who.tenant_id, "recording_file", args, on_file);
}
