/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TEN-4: name and logo for the page where people sign in, /login?tenantname=test: asked for without a token. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "api/ask.h"
#include "api/starts.h"

static void ask_branding(struct ask *k, ask_answer_h *fn)
{
	struct params q;
	struct str name;
	json_t *args;

	if (!ask_read_params(k, &q))
		return;
	name = params_get(&q, "tenantname");
	if (q.n > (name.p ? 1u : 0u)) {
		ask_bad_parameter(k, q.v[0].name, "unknown_parameter",
				  "no parameter here but tenantname");
		params_close(&q);
		return;
	}
	args = json_pack("{s:s%}", "tenantname", name.p ? name.p : "", name.n);
	params_close(&q);
	if (!args) /* no UTF-8: nobody's name */
		args = json_object();
	return ask_query(k, 0, "branding", args, fn);
}

static void on_branding(struct ask *k, const struct answer *ans)
{
	json_t *j;
	bool has_logo;

	if (ans->err)
		return ask_failed(k, ans);
	j = json_loadb(ans->json.p, ans->json.n, 0, NULL);
	has_logo = ask_text(j, "logo").n > 0;
	json_object_del(j, "logo");
	json_object_del(j, "logo_type");
	if (!ask_text(j, "brand_name").n)
		json_object_set_new(j, "brand_name", json_string("Offhook"));
	json_object_set_new(j, "has_logo", json_boolean(has_logo));
	return ask_reply_value(k, 200, j);
}

void branding_start(struct ask *k)
{
	return ask_branding(k, on_branding);
}

static void on_logo(struct ask *k, const struct answer *ans)
{
	struct web_response r = {.status = 200, .headers = STR("Content-Disposition: inline\r\n")};
	const char *text;
	char *bytes;
	size_t n = 0;
	json_t *j;

	if (ans->err)
		return ask_failed(k, ans);
	j = json_loadb(ans->json.p, ans->json.n, 0, NULL);
	text = json_string_value(json_object_get(j, "logo"));
	bytes = text && *text ? malloc(strlen(text)) : NULL;
	if (bytes && !sodium_base642bin((unsigned char *)bytes, strlen(text), text, strlen(text),
					NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL)) {
		r.content_type = json_string_value(json_object_get(j, "logo_type"));
		r.body = (struct str){bytes, n};
		ask_reply(k, &r);
	} else {
		ask_problem(k, PROBLEM_NOT_FOUND, "There is no logo.");
	}
	free(bytes);
	json_decref(j);
}

void branding_logo_start(struct ask *k)
{
	return ask_branding(k, on_logo);
}
