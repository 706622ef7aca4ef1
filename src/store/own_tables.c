/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "store/own_tables.h"

static const char ddl[] =
	"CREATE TABLE schema_version (version @int NOT NULL)@strict;\n"
	"CREATE TABLE setting (name @text NOT NULL PRIMARY KEY, value @text NOT NULL)@strict;\n"
	"CREATE TABLE tenant_revision (tenant_id @int NOT NULL PRIMARY KEY, revision @int NOT "
	"NULL, "
	"next_id @int NOT NULL)@strict;\n"
	"CREATE TABLE change (tenant_id @int NOT NULL, revision @int NOT NULL, resource @text NOT "
	"NULL, "
	"id @int NOT NULL, before @text NOT NULL, after @text NOT NULL, changes @text NOT NULL, "
	"actor_tenant_id @int NOT NULL, actor_id @int NOT NULL, actor @text NOT NULL, "
	"source @text NOT NULL, at @int NOT NULL, secrets @text NOT NULL DEFAULT '', "
	"PRIMARY KEY (tenant_id, revision))@strict;\n"
	"CREATE INDEX change_gone ON change (tenant_id, resource, revision) WHERE after = '';\n"
	"CREATE TABLE session (token_hash @text NOT NULL PRIMARY KEY, tenant_id @int NOT NULL, "
	"user_id @int NOT NULL, created_at @int NOT NULL, expires_at @int NOT NULL)@strict;\n"
	"CREATE INDEX session_by_user ON session (tenant_id, user_id, created_at);\n"
	"CREATE INDEX session_by_expiry ON session (expires_at);\n"
	"CREATE TABLE user_sign_in (tenant_id @int NOT NULL, user_id @int NOT NULL, "
	"changed_at @int NOT NULL, locked_until @int NOT NULL, wrong @int NOT NULL, "
	"history @text NOT NULL, weak @text NOT NULL DEFAULT '', PRIMARY KEY (tenant_id, "
	"user_id))@strict;\n"
	"CREATE TABLE idempotency (tenant_id @int NOT NULL, idem_key @text NOT NULL, "
	"body @text NOT NULL, id @int NOT NULL, revision @int NOT NULL, answer @text NOT NULL, "
	"at @int NOT NULL, PRIMARY KEY (tenant_id, idem_key))@strict;\n"
	"CREATE INDEX idempotency_by_time ON idempotency (at);\n"
	"CREATE TABLE journal_mark (node @int NOT NULL PRIMARY KEY, boot @int NOT NULL, "
	"seq @int NOT NULL)@strict;\n"
	"CREATE TABLE leg_kept (tenant_id @int NOT NULL, leg_id @int NOT NULL, node @int NOT NULL, "
	"kept @bytes NOT NULL, PRIMARY KEY (tenant_id, leg_id))@strict;\n"
	"CREATE INDEX leg_kept_by_node ON leg_kept (node);\n"
	"CREATE TABLE outbox (tenant_id @int NOT NULL, id @int NOT NULL, "
	"webhook_id @int NOT NULL, node @int NOT NULL, key @text NOT NULL, subject @int NOT NULL, "
	"body @text NOT NULL, state @int NOT NULL, attempts @int NOT NULL, at @int NOT NULL, "
	"next_at @int NOT NULL, done_at @int NOT NULL, status @int NOT NULL, error @text NOT NULL, "
	"answer @text NOT NULL, PRIMARY KEY (tenant_id, id))@strict;\n"
	"CREATE UNIQUE INDEX outbox_once ON outbox (tenant_id, webhook_id, key, subject);\n"
	"CREATE INDEX outbox_due ON outbox (node, tenant_id, webhook_id, at) WHERE state = 0;\n"
	"CREATE INDEX outbox_by_time ON outbox (tenant_id, at);\n"
	"CREATE TABLE call_report (tenant_id @int NOT NULL, id @int NOT NULL, name @text NOT "
	"NULL, from_at @int NOT NULL, to_at @int NOT NULL, filter @text NOT NULL, mail_to "
	"@text NOT NULL, mail_id @int NOT NULL, state @int NOT NULL, error @text NOT NULL, "
	"at @int NOT NULL, ended_at @int NOT NULL, turns @int NOT NULL, cursor_at @int NOT "
	"NULL, cursor_id @int NOT NULL, line_count @int NOT NULL, bytes @int NOT NULL, "
	"pieces @int NOT NULL, PRIMARY KEY (tenant_id, id))@strict;\n"
	"CREATE INDEX call_report_due ON call_report (turns, at) WHERE state = 0;\n"
	"CREATE INDEX call_report_by_time ON call_report (tenant_id, at);\n"
	"CREATE TABLE call_report_piece (tenant_id @int NOT NULL, report_id @int NOT NULL, "
	"position @int NOT NULL, csv @text NOT NULL, PRIMARY KEY (tenant_id, report_id, "
	"position))@strict;\n"
	"CREATE TABLE cdr_change (tenant_id @int NOT NULL, id @int NOT NULL, seq @int NOT NULL, "
	"gone @int NOT NULL, PRIMARY KEY (tenant_id, id))@strict;\n"
	"CREATE INDEX cdr_change_by_seq ON cdr_change (tenant_id, seq);\n"
	"CREATE INDEX cdrs_open ON cdrs (node) WHERE ended_at = 0;\n";

static const struct word {
	const char *name, *text[2]; /* by enum db_engine */
} words[] = {
	{"@int", {"INTEGER", "BIGINT"}},
	{"@text", {"TEXT", "TEXT COLLATE \"C\""}},
	{"@bytes", {"BLOB", "BYTEA"}},
	{"@strict", {" STRICT", ""}},
};

void own_tables_expand(struct buf *out, const char *sql, enum db_engine e)
{
	const char *at;

	while ((at = strchr(sql, '@')) != NULL) {
		size_t i = 0;

		while (i < ARRAY_LEN(words) &&
		       strncmp(at, words[i].name, strlen(words[i].name)) != 0)
			i++;
		BUG(i == ARRAY_LEN(words));
		buf_add(out, sql, (size_t)(at - sql));
		buf_cstr(out, words[i].text[e]);
		sql = at + strlen(words[i].name);
	}
	buf_cstr(out, sql);
}

void own_tables_ddl(struct buf *out, enum db_engine e)
{
	own_tables_expand(out, ddl, e);
}
