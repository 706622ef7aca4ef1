-- SPDX-License-Identifier: GPL-3.0-or-later
-- Schema 1 as it was: never changed again.
CREATE TABLE "tenants" (
	"tenant_id" INTEGER NOT NULL,
	"id" INTEGER NOT NULL,
	"revision" INTEGER NOT NULL,
	"name" TEXT NOT NULL DEFAULT '',
	"domain" TEXT NOT NULL DEFAULT '',
	"company" TEXT NOT NULL DEFAULT '',
	"website" TEXT NOT NULL DEFAULT '',
	"email" TEXT NOT NULL DEFAULT '',
	"enabled" INTEGER NOT NULL DEFAULT 1 CHECK ("enabled" IN (0, 1)),
	"country" TEXT NOT NULL DEFAULT '',
	"time_zone" TEXT NOT NULL DEFAULT 'UTC',
	"currency" TEXT NOT NULL DEFAULT 'EUR',
	"sip_digest" TEXT NOT NULL DEFAULT 'md5',
	"max_extensions" INTEGER NOT NULL DEFAULT 0,
	"max_calls" INTEGER NOT NULL DEFAULT 0,
	"max_ring_groups" INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY ("tenant_id", "id")
) STRICT, WITHOUT ROWID;
CREATE TABLE "users" (
	"tenant_id" INTEGER NOT NULL,
	"id" INTEGER NOT NULL,
	"revision" INTEGER NOT NULL,
	"username" TEXT NOT NULL DEFAULT '',
	"password" TEXT NOT NULL DEFAULT '',
	"full_name" TEXT NOT NULL DEFAULT '',
	"email" TEXT NOT NULL DEFAULT '',
	"enabled" INTEGER NOT NULL DEFAULT 1 CHECK ("enabled" IN (0, 1)),
	PRIMARY KEY ("tenant_id", "id")
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX "users_username_unique" ON "users" ("tenant_id", "username");
CREATE TABLE "extensions" (
	"tenant_id" INTEGER NOT NULL,
	"id" INTEGER NOT NULL,
	"revision" INTEGER NOT NULL,
	"number" TEXT NOT NULL DEFAULT '',
	"first_name" TEXT NOT NULL DEFAULT '',
	"last_name" TEXT NOT NULL DEFAULT '',
	"gender" TEXT NOT NULL DEFAULT 'unspecified',
	"email" TEXT NOT NULL DEFAULT '',
	"mobile" TEXT NOT NULL DEFAULT '',
	"organization" TEXT NOT NULL DEFAULT '',
	"department" TEXT NOT NULL DEFAULT '',
	"enabled" INTEGER NOT NULL DEFAULT 1 CHECK ("enabled" IN (0, 1)),
	"ring_seconds" INTEGER NOT NULL DEFAULT 30,
	PRIMARY KEY ("tenant_id", "id")
) STRICT, WITHOUT ROWID;
CREATE TABLE "accounts" (
	"tenant_id" INTEGER NOT NULL,
	"id" INTEGER NOT NULL,
	"revision" INTEGER NOT NULL,
	"username" TEXT NOT NULL DEFAULT '',
	"password" TEXT NOT NULL DEFAULT '',
	"extension_id" INTEGER NOT NULL DEFAULT 0,
	"system_name" TEXT NOT NULL DEFAULT '',
	"enabled" INTEGER NOT NULL DEFAULT 1 CHECK ("enabled" IN (0, 1)),
	"max_contacts" INTEGER NOT NULL DEFAULT 10,
	"min_expires" INTEGER NOT NULL DEFAULT 60,
	"max_expires" INTEGER NOT NULL DEFAULT 3600,
	PRIMARY KEY ("tenant_id", "id")
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX "accounts_username_unique" ON "accounts" ("tenant_id", "username");
CREATE INDEX "accounts_extension_id" ON "accounts" ("tenant_id", "extension_id", "id");
CREATE TABLE "ring_groups" (
	"tenant_id" INTEGER NOT NULL,
	"id" INTEGER NOT NULL,
	"revision" INTEGER NOT NULL,
	"number" TEXT NOT NULL DEFAULT '',
	"name" TEXT NOT NULL DEFAULT '',
	"strategy" TEXT NOT NULL DEFAULT 'simultaneous',
	"ring_seconds" INTEGER NOT NULL DEFAULT 20,
	"no_answer_kind" TEXT NOT NULL DEFAULT 'hangup',
	"no_answer_id" INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY ("tenant_id", "id")
) STRICT, WITHOUT ROWID;
CREATE INDEX "ring_groups_no_answer_id" ON "ring_groups" ("tenant_id", "no_answer_id", "id");
CREATE TABLE "ring_group_members" (
	"tenant_id" INTEGER NOT NULL,
	"parent_id" INTEGER NOT NULL,
	"position" INTEGER NOT NULL,
	"extension_id" INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY ("tenant_id", "parent_id", "position")
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX "ring_group_members_extension_id_unique" ON "ring_group_members" ("tenant_id", "parent_id", "extension_id");
CREATE INDEX "ring_group_members_extension_id" ON "ring_group_members" ("tenant_id", "extension_id");
CREATE TABLE "number" (
	"tenant_id" INTEGER NOT NULL,
	"number" TEXT NOT NULL,
	"resource" TEXT NOT NULL,
	"id" INTEGER NOT NULL,
	PRIMARY KEY ("tenant_id", "number")
) STRICT, WITHOUT ROWID;
CREATE INDEX "number_owner" ON "number" ("tenant_id", "resource", "id");
CREATE TABLE "directory" (
	"kind" TEXT NOT NULL,
	"name" TEXT NOT NULL,
	"tenant_id" INTEGER NOT NULL,
	"resource" TEXT NOT NULL,
	"id" INTEGER NOT NULL,
	PRIMARY KEY ("kind", "name")
) STRICT, WITHOUT ROWID;
CREATE INDEX "directory_owner" ON "directory" ("tenant_id", "resource", "id");
CREATE TABLE "registrations" (
	"tenant_id" INTEGER NOT NULL,
	"id" INTEGER NOT NULL,
	"account_id" INTEGER NOT NULL DEFAULT 0,
	"uri" TEXT NOT NULL DEFAULT '',
	"path" TEXT NOT NULL DEFAULT '',
	"remote" TEXT NOT NULL DEFAULT '',
	"local" TEXT NOT NULL DEFAULT '',
	"transport" TEXT NOT NULL DEFAULT '',
	"instance" TEXT NOT NULL DEFAULT '',
	"reg_id" INTEGER NOT NULL DEFAULT 0,
	"q" INTEGER NOT NULL DEFAULT 1000,
	"user_agent" TEXT NOT NULL DEFAULT '',
	"call_id" TEXT NOT NULL DEFAULT '',
	"cseq" INTEGER NOT NULL DEFAULT 0,
	"registered_at" INTEGER NOT NULL DEFAULT 0,
	"expires_at" INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX "registrations_account_id" ON "registrations" ("tenant_id", "account_id", "id");
CREATE TABLE "cdrs" (
	"tenant_id" INTEGER NOT NULL,
	"id" INTEGER NOT NULL,
	"caller" TEXT NOT NULL DEFAULT '',
	"caller_name" TEXT NOT NULL DEFAULT '',
	"callee" TEXT NOT NULL DEFAULT '',
	"direction" TEXT NOT NULL DEFAULT '',
	"started_at" INTEGER NOT NULL DEFAULT 0,
	"ringing_at" INTEGER NOT NULL DEFAULT 0,
	"answered_at" INTEGER NOT NULL DEFAULT 0,
	"ended_at" INTEGER NOT NULL DEFAULT 0,
	"last_alive_at" INTEGER NOT NULL DEFAULT 0,
	"status" TEXT NOT NULL DEFAULT '',
	"reason" TEXT NOT NULL DEFAULT '',
	"sip_code" INTEGER NOT NULL DEFAULT 0,
	"ended_by" TEXT NOT NULL DEFAULT '',
	"final_dest" TEXT NOT NULL DEFAULT '',
	"sip_call_id" TEXT NOT NULL DEFAULT '',
	"config_revision" INTEGER NOT NULL DEFAULT 0,
	"node" INTEGER NOT NULL DEFAULT 0,
	"boot" INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX "cdrs_started_at" ON "cdrs" ("tenant_id", "started_at", "id");
CREATE TABLE "cdr_legs" (
	"tenant_id" INTEGER NOT NULL,
	"id" INTEGER NOT NULL,
	"call_id" INTEGER NOT NULL DEFAULT 0,
	"position" INTEGER NOT NULL DEFAULT 0,
	"side" TEXT NOT NULL DEFAULT '',
	"extension_id" INTEGER NOT NULL DEFAULT 0,
	"account_id" INTEGER NOT NULL DEFAULT 0,
	"number" TEXT NOT NULL DEFAULT '',
	"remote" TEXT NOT NULL DEFAULT '',
	"user_agent" TEXT NOT NULL DEFAULT '',
	"started_at" INTEGER NOT NULL DEFAULT 0,
	"ringing_at" INTEGER NOT NULL DEFAULT 0,
	"answered_at" INTEGER NOT NULL DEFAULT 0,
	"ended_at" INTEGER NOT NULL DEFAULT 0,
	"sip_code" INTEGER NOT NULL DEFAULT 0,
	"reason" TEXT NOT NULL DEFAULT '',
	"ended_by" TEXT NOT NULL DEFAULT '',
	"rx_packets" INTEGER NOT NULL DEFAULT 0,
	"tx_packets" INTEGER NOT NULL DEFAULT 0,
	"rx_lost" INTEGER NOT NULL DEFAULT 0,
	"rx_jitter_us" INTEGER NOT NULL DEFAULT 0,
	"rx_refused" INTEGER NOT NULL DEFAULT 0,
	"sip_call_id" TEXT NOT NULL DEFAULT '',
	PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX "cdr_legs_call_id" ON "cdr_legs" ("tenant_id", "call_id", "id");
CREATE TABLE "cdr_segments" (
	"tenant_id" INTEGER NOT NULL,
	"id" INTEGER NOT NULL,
	"call_id" INTEGER NOT NULL DEFAULT 0,
	"position" INTEGER NOT NULL DEFAULT 0,
	"leg_a" INTEGER NOT NULL DEFAULT 0,
	"leg_b" INTEGER NOT NULL DEFAULT 0,
	"service" TEXT NOT NULL DEFAULT '',
	"started_at" INTEGER NOT NULL DEFAULT 0,
	"ended_at" INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY ("tenant_id", "id")
) STRICT;
CREATE INDEX "cdr_segments_call_id" ON "cdr_segments" ("tenant_id", "call_id", "id");
CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
CREATE TABLE setting (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE tenant_revision (tenant_id INTEGER NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, next_id INTEGER NOT NULL) STRICT;
CREATE TABLE change (tenant_id INTEGER NOT NULL, revision INTEGER NOT NULL, resource TEXT NOT NULL, id INTEGER NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, changes TEXT NOT NULL, actor_tenant_id INTEGER NOT NULL, actor_id INTEGER NOT NULL, actor TEXT NOT NULL, source TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (tenant_id, revision)) STRICT;
CREATE TABLE session (token_hash TEXT NOT NULL PRIMARY KEY, tenant_id INTEGER NOT NULL, user_id INTEGER NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) STRICT;
CREATE INDEX session_by_user ON session (tenant_id, user_id, created_at);
CREATE INDEX session_by_expiry ON session (expires_at);
CREATE TABLE idempotency (tenant_id INTEGER NOT NULL, idem_key TEXT NOT NULL, body TEXT NOT NULL, id INTEGER NOT NULL, revision INTEGER NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (tenant_id, idem_key)) STRICT;
CREATE INDEX idempotency_by_time ON idempotency (at);
CREATE TABLE journal_mark (node INTEGER NOT NULL PRIMARY KEY, boot INTEGER NOT NULL, seq INTEGER NOT NULL) STRICT;
CREATE TABLE leg_kept (tenant_id INTEGER NOT NULL, leg_id INTEGER NOT NULL, node INTEGER NOT NULL, kept BLOB NOT NULL, PRIMARY KEY (tenant_id, leg_id)) STRICT;
CREATE INDEX leg_kept_by_node ON leg_kept (node);
