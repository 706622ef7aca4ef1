/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * offhook backup …: what is more than one request.  Files go in pieces; making and restoring are waited for.
 */
#include "cli/cli.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PIECE = 1 << 19, ASK_AGAIN_MS = 200 };

static int wrong(const char *text)
{
	fprintf(stderr, "offhook: %s; see offhook help backup\n", text);
	return CLI_USAGE;
}

/* name=value from `first` on; parts are split, a pass phrase that is "-" is asked for. */
static int read_fields(struct cli *c, size_t first, json_t *body)
{
	for (size_t i = first; i < c->nargs; i++) {
		struct str value = str_of(c->args[i]), name = str_cut(&value, '=');
		json_t *v = NULL;

		if (!value.p)
			return wrong("arguments are name=value");
		if (str_eq(name, STR("parts"))) {
			v = json_array();
			while (value.p) {
				struct str one = str_cut(&value, ',');

				json_array_append_new(v, json_stringn(one.p, one.n));
			}
		} else if (str_eq(name, STR("passphrase")) && str_eq(value, STR("-"))) {
			struct buf words = {0};

			if (cli_read_secret(STR("pass phrase"), &words))
				return wrong("no pass phrase came");
			v = json_stringn(words.p, words.n);
			explicit_bzero(words.p, words.n);
			buf_free(&words);
		} else {
			v = json_stringn(value.p, value.n);
		}
		json_object_setn_new(body, name.p, name.n, v);
	}
	return CLI_OK;
}

static const char *member(const json_t *j, const char *name)
{
	const char *text = json_string_value(json_object_get(j, name));

	return text ? text : "";
}

static int tell_end(const struct cli *c, const json_t *j)
{
	const json_t *e;
	size_t i;

	if (c->json)
		json_dumpf(j, stdout, JSON_INDENT(2));
	if (!strstr(member(j, "state"), "failed")) {
		if (!c->json)
			puts(member(j, "id"));
		return CLI_OK;
	}
	fprintf(stderr, "offhook: %s\n", member(j, "error"));
	json_array_foreach(json_object_get(j, "errors"), i, e)
	{
		fprintf(stderr, "  %s: %s\n", member(e, "field"), member(e, "message"));
	}
	return CLI_REFUSED;
}

/* Until it is over.  A token that restoring has ended is no fault: then the restoring is over too. */
static int wait_for(struct cli *c, json_t *started)
{
	const struct timespec pause = {.tv_nsec = ASK_AGAIN_MS * 1000000L};
	char path[64];
	json_t *now = json_incref(started);
	int status = CLI_OK;

	(void)snprintf(path, sizeof(path), "/api/backups/%s", member(started, "id"));
	while (!status && (!strcmp(member(now, "state"), "running") ||
			   !strcmp(member(now, "state"), "restoring"))) {
		(void)nanosleep(&pause, NULL);
		json_decref(now);
		now = NULL;
		status = cli_request(c, "GET", path, NULL, &now);
	}
	if (!status)
		status = tell_end(c, now);
	json_decref(now);
	return status;
}

static int start(struct cli *c, const char *path, size_t first, json_t *body)
{
	json_t *answer = NULL;
	int status = read_fields(c, first, body);

	if (!status)
		status = cli_request(c, "POST", path, body, &answer);
	if (!status)
		status = wait_for(c, answer);
	json_decref(answer);
	json_decref(body);
	return status;
}

static int create(struct cli *c)
{
	if (c->nargs < 3 || strchr(c->args[2], '='))
		return wrong("backup create: what is it to be called?");
	return start(c, "/api/backups", 3, json_pack("{s:s}", "name", c->args[2]));
}

static bool is_id(const char *text)
{
	uint64_t id;

	return !str_u64(str_of(text), &id) && id;
}

static int restore(struct cli *c)
{
	char path[96];

	if (c->nargs < 3 || !is_id(c->args[2]))
		return wrong("backup restore: which one? Give its id");
	(void)snprintf(path, sizeof(path), "/api/backups/%s/restore", c->args[2]);
	return start(c, path, 3, json_object());
}

static int failed_file(const char *name)
{
	fprintf(stderr, "offhook: %s: %s\n", name, strerror(errno));
	return CLI_FAILED;
}

static int download(struct cli *c)
{
	struct buf got = {.max = 2 * PIECE};
	char path[128];
	int status = CLI_OK;
	FILE *f;

	if (c->nargs != 4 || !is_id(c->args[2]))
		return wrong("backup download: ID FILE");
	f = fopen(c->args[3], "abe");
	if (!f)
		return failed_file(c->args[3]);
	do {
		buf_reset(&got);
		(void)snprintf(path, sizeof(path), "/api/backups/%s/content?offset=%ld", c->args[2],
			       ftell(f));
		status = cli_bytes(c, path, NULL, &got);
		if (!status && fwrite(got.p ? got.p : "", 1, got.n, f) != got.n)
			status = failed_file(c->args[3]);
	} while (!status && got.n);
	if (fclose(f) && !status)
		status = failed_file(c->args[3]);
	buf_free(&got);
	return status;
}

/* One piece; id is empty before the first has been answered. */
static int send_piece(struct cli *c, const struct buf *piece, long offset, char id[32])
{
	struct buf got = {.max = 1 << 16};
	char path[128];
	json_t *answer;
	int status;

	(void)snprintf(path, sizeof(path), "/api/backup_uploads%s%s?offset=%ld", *id ? "/" : "", id,
		       offset);
	status = cli_bytes(c, path, piece, &got);
	answer = status ? NULL : json_loadb(got.p ? got.p : "", got.n, 0, NULL);
	if (!status && str_copy(id, 32, str_of(member(answer, "id"))))
		status = CLI_FAILED;
	json_decref(answer);
	buf_free(&got);
	return status;
}

static int upload(struct cli *c)
{
	char id[32] = "", path[128], *bytes = malloc(PIECE);
	json_t *answer = NULL;
	int status = CLI_OK;
	long offset = 0;
	size_t n = 1;
	FILE *f;

	if (c->nargs != 3 || !bytes) {
		free(bytes);
		return wrong("backup upload: FILE");
	}
	f = fopen(c->args[2], "rbe");
	if (!f) {
		free(bytes);
		return failed_file(c->args[2]);
	}
	while (!status && (n = fread(bytes, 1, PIECE, f)) > 0) {
		const struct buf piece = {.p = bytes, .n = n};

		status = send_piece(c, &piece, offset, id);
		offset += (long)n;
	}
	if (!status && (ferror(f) || !*id))
		status = failed_file(c->args[2]);
	fclose(f);
	free(bytes);
	(void)snprintf(path, sizeof(path), "/api/backup_uploads/%s/complete", id);
	if (!status)
		status = cli_request(c, "POST", path, NULL, &answer);
	if (!status)
		status = tell_end(c, answer);
	json_decref(answer);
	return status;
}

int cli_backup(struct cli *c, const char *verb)
{
	static const struct {
		const char *verb;
		int (*fn)(struct cli *c);
	} verbs[] = {{"create", create},
		     {"restore", restore},
		     {"download", download},
		     {"upload", upload}};

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(verbs[i].verb, verb))
			return verbs[i].fn(c);
	return wrong("which command of backup?");
}
