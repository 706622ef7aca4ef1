/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One try to deliver something: what a webhook's POST (post.c) and a mail (mail.c) have in common.  Not for other folders.
 *
 * An address is judged when the connection is made to it, not by its name: a name may lead somewhere else the next time it
 * is asked for.
 *
 * Thread     hooks
 * Errors     false: out of memory
 */
#ifndef HOOK_TRY_H
#define HOOK_TRY_H

#include <curl/curl.h>
#include "base/buf.h"
#include "store/outbox.h"

enum { TRY_ERROR_BYTES = 200 };

struct
try {
	bool is_used;
	struct outbox_item item;
	CURL *curl;
	struct curl_slist *headers, *recipients;
	curl_mime *mime;
	struct buf url;
	size_t nread;		      /* bytes that came back */
	bool may_be_private;	      /* it may lead to such an address … */
	bool is_private;	      /* … and it led to one */
	char answer[TRY_ERROR_BYTES]; /* of a mail server: its last line */
	char error[CURL_ERROR_SIZE];
};

#define TRY_SET(t, ok, option, value)                                                              \
	(ok = ok && curl_easy_setopt((t)->curl, option, value) == CURLE_OK)

bool try_add_header(struct try *t, const char *name, const char *value);
/* What holds for every try. */
bool try_set_common(struct try *t);
void try_close(struct try *t, CURLM *multi);

/* The request, with all its options; and what its end means.  error: "" it was taken. */
bool post_prepare(struct try *t);
void post_judge(struct try *t, CURLcode code, char error[TRY_ERROR_BYTES],
		struct outbox_result *result);
bool mail_prepare(struct try *t, struct outbox *o);
void mail_judge(struct try *t, CURLcode code, int64_t now_us, char error[TRY_ERROR_BYTES],
		struct outbox_result *result);

#endif
