/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes out: mail that is tested, webhooks and mail that are told again, reports. */
#include "api/ask.h"
#include "api/starts.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Done with what the id in the path says. */
static void act_start(struct ask *k, const char *act)
{
	if (ask_is_nothing(k))
		return;
	return ask_act(k, act, NULL, ask_done);
}

void replay_start(struct ask *k)
{
	return act_start(k, "webhook_replay");
}

void mail_replay_start(struct ask *k)
{
	return act_start(k, "mail_replay");
}

/* One row by the id in the path. */
static void one_start(struct ask *k, const char *query)
{
	if (ask_is_nothing(k))
		return;
	return ask_query(k, k->who.tenant_id, query,
			 json_pack("{s:o}", "id", json_sprintf("%" PRIu64, k->target)),
			 ask_answered);
}

void mail_delivery_start(struct ask *k)
{
	return one_start(k, "mail_delivery");
}

void call_report_start(struct ask *k)
{
	return one_start(k, "call_report");
}

void call_report_create_start(struct ask *k)
{
	json_t *body = ask_body(k);

	if (!body)
		return;
	return ask_act(k, "report_create", body, ask_answered);
}

void call_report_delete_start(struct ask *k)
{
	return act_start(k, "report_delete");
}

void mail_defaults_start(struct ask *k)
{
	return ask_query(k, k->who.tenant_id, "mail_defaults", json_object(), ask_answered);
}

/* A body of one text. */
static void one_text_start(struct ask *k, const char *name, const char *act)
{
	const char *const known[] = {name, NULL};
	json_t *body = ask_body(k);
	struct field_errors errs = {.n = 0};

	if (!body)
		return;
	ask_check_names(body, known, &errs);
	if (!json_object_get(body, name))
		field_error_add(&errs, name, "required", "must be given");
	else if (!json_is_string(json_object_get(body, name)))
		field_error_add(&errs, name, "wrong_type", "must be a text");
	if (!errs.n)
		return ask_act(k, act, body, ask_answered);
	json_decref(body);
	return ask_invalid(k, &errs);
}

void shown_password_start(struct ask *k)
{
	return one_text_start(k, "account_id", "show_password");
}

void sign_in_code_start(struct ask *k)
{
	return one_text_start(k, "account_id", "sign_in_code");
}

void mail_test_start(struct ask *k)
{
	return one_text_start(k, "to", "mail_test");
}

void welcome_mail_start(struct ask *k)
{
	return one_text_start(k, "extension_id", "welcome");
}
