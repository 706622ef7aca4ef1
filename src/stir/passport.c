/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "stir/passport.h"

enum { HEADER_BYTES = 1024, PAYLOAD_BYTES = 4096 };

int stir_number(char dst[STIR_NUMBER_BYTES], struct str number)
{
	size_t n = 0;

	number = str_trim(number);
	if (str_starts(number, STR("+")))
		number = (struct str){number.p + 1, number.n - 1};
	else if (str_starts(number, STR("00")))
		number = (struct str){number.p + 2, number.n - 2};
	if (!number.n || number.n >= STIR_NUMBER_BYTES)
		return EINVAL;
	for (; n < number.n; n++) {
		if (number.p[n] < '0' || number.p[n] > '9')
			return EINVAL;
		dst[n] = number.p[n];
	}
	dst[n] = '\0';
	return 0;
}

/* ---- signing ---- */

static void base64(struct buf *out, const void *p, size_t n)
{
	char text[sodium_base64_ENCODED_LEN(PAYLOAD_BYTES,
					    sodium_base64_VARIANT_URLSAFE_NO_PADDING)];

	if (n > PAYLOAD_BYTES) {
		out->err = E2BIG;
		return;
	}
	buf_cstr(out, sodium_bin2base64(text, sizeof(text), p, n,
					sodium_base64_VARIANT_URLSAFE_NO_PADDING));
}

/* RFC 8225 9: members in order of their names, no white space. */
static void write_json(struct buf *out, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(object);
	if (!text) {
		out->err = ENOMEM;
		return;
	}
	base64(out, text, strlen(text));
	free(text);
}

int stir_sign(struct buf *out, const struct stir_key *k, const struct stir_claim *c, struct str url)
{
	char attest[2] = {c->attest, '\0'};
	uint8_t sig[STIR_SIGNATURE_BYTES];
	size_t begin = out->n;
	int err;

	write_json(out, json_pack("{ss ss ss ss%}", "alg", "ES256", "ppt", "shaken", "typ",
				  "passport", "x5u", url.p, url.n));
	buf_char(out, '.');
	write_json(out, json_pack("{ss s{s[s]} sI s{ss} ss}", "attest", attest, "dest", "tn",
				  c->dest, "iat", (json_int_t)c->iat_s, "orig", "tn", c->orig,
				  "origid", c->origid));
	if (out->err)
		return out->err;
	err = stir_key_sign(k, (struct str){out->p + begin, out->n - begin}, sig);
	if (err)
		return err;
	buf_char(out, '.');
	base64(out, sig, sizeof(sig));
	buf_printf(out, ";info=<%.*s>;alg=ES256;ppt=\"shaken\"", STR_ARG(url));
	return out->err;
}

/* ---- reading ---- */

static json_t *read_json(struct str part, char *text, size_t text_bytes)
{
	size_t n;

	if (sodium_base642bin((uint8_t *)text, text_bytes, part.p, part.n, NULL, &n, NULL,
			      sodium_base64_VARIANT_URLSAFE_NO_PADDING))
		return NULL;
	return json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
}

static bool is_member(json_t *o, const char *name, const char *value)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text && strcmp(text, value) == 0;
}

static int take_text(char *dst, size_t dst_bytes, const json_t *value)
{
	const char *text = json_string_value(value);

	return text ? str_copy(dst, dst_bytes, str_of(text)) : EINVAL;
}

static int read_header(struct stir_token *t, struct str part)
{
	char text[HEADER_BYTES];
	json_t *o = read_json(part, text, sizeof(text));
	int err = EINVAL;

	if (o && !is_member(o, "ppt", "shaken"))
		err = ENOTSUP;
	else if (o && is_member(o, "alg", "ES256") && is_member(o, "typ", "passport"))
		err = take_text(t->url, sizeof(t->url), json_object_get(o, "x5u"));
	json_decref(o);
	return err;
}

static int take_number(char dst[STIR_NUMBER_BYTES], const json_t *tn)
{
	const char *text = json_string_value(tn);

	return text ? stir_number(dst, str_of(text)) : EINVAL;
}

static int take_dest(struct stir_token *t, json_t *list, const char *dest)
{
	char number[STIR_NUMBER_BYTES];
	json_t *one;
	size_t i;

	if (!json_array_size(list) || take_number(t->claim.dest, json_array_get(list, 0)))
		return EINVAL;
	json_array_foreach(list, i, one) if (!take_number(number, one) && strcmp(number, dest) == 0)
		t->has_dest = true;
	return 0;
}

static int read_payload(struct stir_token *t, struct str part, const char *dest)
{
	char text[PAYLOAD_BYTES];
	json_t *o = read_json(part, text, sizeof(text));
	const char *attest = json_string_value(json_object_get(o, "attest"));
	json_t *iat = json_object_get(o, "iat");
	int err = EINVAL;

	if (attest && strlen(attest) == 1 && strchr("ABC", *attest) && json_is_integer(iat)) {
		t->claim.attest = *attest;
		t->claim.iat_s = json_integer_value(iat);
		err = take_number(t->claim.orig, json_object_get(json_object_get(o, "orig"), "tn"));
		if (!err)
			err = take_text(t->claim.origid, sizeof(t->claim.origid),
					json_object_get(o, "origid"));
		if (!err)
			err = take_dest(t, json_object_get(json_object_get(o, "dest"), "tn"), dest);
	}
	json_decref(o);
	return err;
}

/* info=<url> must name what the token itself names. */
static int check_params(const struct stir_token *t, struct str params)
{
	while (params.n) {
		struct str one = str_trim(str_cut(&params, ';')),
			   name = str_trim(str_cut(&one, '='));

		one = str_trim(one);
		if (str_ieq(name, STR("info")) &&
		    (one.n < 2 || one.p[0] != '<' || one.p[one.n - 1] != '>' ||
		     !str_eq((struct str){one.p + 1, one.n - 2}, str_of(t->url))))
			return EINVAL;
		if (str_ieq(name, STR("alg")) && !str_ieq(one, STR("ES256")))
			return EINVAL;
	}
	return 0;
}

int stir_read(struct stir_token *t, struct str identity, const char *dest)
{
	struct str params = identity, token = str_trim(str_cut(&params, ';')), rest = token;
	struct str header = str_cut(&rest, '.'), payload = str_cut(&rest, '.');
	size_t n = 0;
	int err;

	memset(t, 0, sizeof(*t));
	if (!payload.n || !rest.n)
		return EINVAL;
	t->text = (struct str){token.p, (size_t)(rest.p - token.p) - 1};
	err = read_header(t, header);
	if (err)
		return err;
	if (sodium_base642bin(t->signature, sizeof(t->signature), rest.p, rest.n, NULL, &n, NULL,
			      sodium_base64_VARIANT_URLSAFE_NO_PADDING) ||
	    n != sizeof(t->signature))
		return EINVAL;
	err = read_payload(t, payload, dest);
	return err ? err : check_params(t, params);
}

enum stir_verdict stir_check(const struct stir_token *t, const struct stir_key *k,
			     const struct stir_roots *roots, const char *orig, int64_t now_s)
{
	if (!k)
		return STIR_BAD_INFO;
	if (!stir_roots_trust(roots, k, now_s))
		return STIR_UNSUPPORTED;
	if (!stir_key_verify(k, t->text, t->signature))
		return STIR_INVALID;
	if (t->claim.iat_s > now_s + STIR_FRESH_S || t->claim.iat_s < now_s - STIR_FRESH_S)
		return STIR_STALE;
	return t->has_dest && strcmp(t->claim.orig, orig) == 0 ? STIR_PASSED : STIR_INVALID;
}

unsigned stir_status(enum stir_verdict v)
{
	static const unsigned status[] = {
		[STIR_PASSED] = 200,   [STIR_ABSENT] = 428,	 [STIR_STALE] = 403,
		[STIR_BAD_INFO] = 436, [STIR_UNSUPPORTED] = 437, [STIR_INVALID] = 438};

	return status[v];
}

const char *stir_verdict_name(enum stir_verdict v)
{
	static const char *const name[] = {
		[STIR_PASSED] = "passed",	  [STIR_ABSENT] = "absent",
		[STIR_STALE] = "stale",		  [STIR_BAD_INFO] = "no_certificate",
		[STIR_UNSUPPORTED] = "untrusted", [STIR_INVALID] = "invalid"};

	return name[v];
}
