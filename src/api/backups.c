/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backups (OPS-1): made, listed, carried away and brought back piece by piece, restored.  A file may be larger than any request:
 * its bytes go in pieces, each at its offset, so that a transfer that breaks goes on where it was.
 */
#include "api/ask.h"
#include "api/starts.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void ask_shelf(struct ask *k, const char *query, json_t *args, ask_answer_h *fn)
{
	struct store_request req = {
		.op = STORE_BACKUP, .query = query, .tenant_id = k->who.tenant_id, .id = k->target};

	req.json = args ? json_dumps(args, JSON_COMPACT) : NULL;
	if (args && !req.json) {
		json_decref(args);
		return ask_problem(k, PROBLEM_INTERNAL, "Out of memory.");
	}
	json_decref(args);
	req.njson = req.json ? strlen(req.json) : 0;
	return ask_store(k, &req, fn);
}

/* Of one by the id in the path. */
static void one_start(struct ask *k, const char *query, ask_answer_h *fn)
{
	if (ask_is_nothing(k))
		return;
	return ask_shelf(k, query, NULL, fn);
}

void backups_start(struct ask *k)
{
	return ask_shelf(k, "backups", NULL, ask_answered);
}

void backup_start(struct ask *k)
{
	return one_start(k, "backup", ask_answered);
}

void backup_delete_start(struct ask *k)
{
	return one_start(k, "backup_delete", ask_done);
}

/* Only these members, texts but for `parts`. */
static bool check_members(struct ask *k, const json_t *body, const char *const *names, size_t n)
{
	struct field_errors errs = {.n = 0};
	const char *name;
	json_t *value, *errors;

	json_object_foreach((json_t *)body, name, value)
	{
		size_t i = 0;

		while (i < n && strcmp(names[i], name) != 0)
			i++;
		if (i == n)
			field_error_add(&errs, name, "unknown_field", "no such field");
		else if (strcmp(name, "parts") == 0 ? !json_is_array(value)
						    : !json_is_string(value))
			field_error_add(&errs, name, "wrong_type", "is of another type");
	}
	if (!errs.n)
		return true;
	errors = field_errors_to_json(&errs);
	ask_problem_errors(k, PROBLEM_INVALID, "Fields break rules.",
			   json_object_get(errors, "errors"));
	json_decref(errors);
	return false;
}

void backup_create_start(struct ask *k)
{
	static const char *const names[] = {"name", "parts", "passphrase"};
	json_t *body = ask_body(k);

	if (!body)
		return;
	if (!check_members(k, body, names, ARRAY_LEN(names))) {
		json_decref(body);
		return;
	}
	return ask_shelf(k, "backup_create", body, ask_answered);
}

void backup_restore_start(struct ask *k)
{
	static const char *const names[] = {"parts", "passphrase", "key", "name", "domain"};
	json_t *body;

	if (ask_is_nothing(k))
		return;
	body = ask_body(k);
	if (!body)
		return;
	if (!check_members(k, body, names, ARRAY_LEN(names))) {
		json_decref(body);
		return;
	}
	return ask_shelf(k, "backup_restore", body, ask_answered);
}

/* ---- bytes ---- */

static void on_bytes(struct ask *k, const struct answer *ans)
{
	const struct web_response r = {
		.status = 200, .content_type = "application/octet-stream", .body = ans->json};

	if (ans->err)
		return ask_failed(k, ans);
	return ask_reply(k, &r);
}

void backup_content_start(struct ask *k)
{
	struct store_request req = {.op = STORE_BACKUP,
				    .query = "backup_read",
				    .tenant_id = k->who.tenant_id,
				    .id = k->target};

	if (ask_is_nothing(k) || !ask_read_offset(k, &req.offset))
		return;
	return ask_store(k, &req, on_bytes);
}

static void upload(struct ask *k)
{
	struct store_request req = {.op = STORE_BACKUP, .query = "backup_write", .id = k->target};

	if (!ask_read_offset(k, &req.offset))
		return;
	if (!k->is_bytes)
		return ask_problem(k, PROBLEM_MEDIA_TYPE,
				   "Send the bytes as Content-Type: application/octet-stream.");
	req.json = k->body;
	req.njson = k->nbody;
	k->body = NULL;
	return ask_store(k, &req, ask_answered);
}

void backup_upload_start(struct ask *k)
{
	return upload(k);
}

void backup_upload_more_start(struct ask *k)
{
	if (ask_is_nothing(k))
		return;
	return upload(k);
}

void backup_upload_state_start(struct ask *k)
{
	return one_start(k, "backup_writing", ask_answered);
}

void backup_upload_delete_start(struct ask *k)
{
	return one_start(k, "backup_unwrite", ask_done);
}

void backup_uploaded_start(struct ask *k)
{
	return one_start(k, "backup_written", ask_answered);
}
