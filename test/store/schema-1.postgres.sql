-- SPDX-License-Identifier: GPL-3.0-or-later
-- Schema 1 as it was: never changed again.
CREATE TABLE "tenants" (
	"tenant_id" BIGINT NOT NULL,
	"id" BIGINT NOT NULL,
	"revision" BIGINT NOT NULL,
	"name" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"domain" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"company" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"website" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"email" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"enabled" BIGINT NOT NULL DEFAULT 1 CHECK ("enabled" IN (0, 1)),
	"country" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"time_zone" TEXT COLLATE "C" NOT NULL DEFAULT 'UTC',
	"currency" TEXT COLLATE "C" NOT NULL DEFAULT 'EUR',
	"sip_digest" TEXT COLLATE "C" NOT NULL DEFAULT 'md5',
	"max_extensions" BIGINT NOT NULL DEFAULT 0,
	"max_calls" BIGINT NOT NULL DEFAULT 0,
	"max_ring_groups" BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY ("tenant_id", "id")
);
CREATE TABLE "users" (
	"tenant_id" BIGINT NOT NULL,
	"id" BIGINT NOT NULL,
	"revision" BIGINT NOT NULL,
	"username" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"password" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"full_name" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"email" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"enabled" BIGINT NOT NULL DEFAULT 1 CHECK ("enabled" IN (0, 1)),
	PRIMARY KEY ("tenant_id", "id")
);
CREATE UNIQUE INDEX "users_username_unique" ON "users" ("tenant_id", "username");
CREATE TABLE "extensions" (
	"tenant_id" BIGINT NOT NULL,
	"id" BIGINT NOT NULL,
	"revision" BIGINT NOT NULL,
	"number" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"first_name" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"last_name" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"gender" TEXT COLLATE "C" NOT NULL DEFAULT 'unspecified',
	"email" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"mobile" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"organization" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"department" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"enabled" BIGINT NOT NULL DEFAULT 1 CHECK ("enabled" IN (0, 1)),
	"ring_seconds" BIGINT NOT NULL DEFAULT 30,
	PRIMARY KEY ("tenant_id", "id")
);
CREATE TABLE "accounts" (
	"tenant_id" BIGINT NOT NULL,
	"id" BIGINT NOT NULL,
	"revision" BIGINT NOT NULL,
	"username" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"password" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"extension_id" BIGINT NOT NULL DEFAULT 0,
	"system_name" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"enabled" BIGINT NOT NULL DEFAULT 1 CHECK ("enabled" IN (0, 1)),
	"max_contacts" BIGINT NOT NULL DEFAULT 10,
	"min_expires" BIGINT NOT NULL DEFAULT 60,
	"max_expires" BIGINT NOT NULL DEFAULT 3600,
	PRIMARY KEY ("tenant_id", "id")
);
CREATE UNIQUE INDEX "accounts_username_unique" ON "accounts" ("tenant_id", "username");
CREATE INDEX "accounts_extension_id" ON "accounts" ("tenant_id", "extension_id", "id");
CREATE TABLE "ring_groups" (
	"tenant_id" BIGINT NOT NULL,
	"id" BIGINT NOT NULL,
	"revision" BIGINT NOT NULL,
	"number" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"name" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"strategy" TEXT COLLATE "C" NOT NULL DEFAULT 'simultaneous',
	"ring_seconds" BIGINT NOT NULL DEFAULT 20,
	"no_answer_kind" TEXT COLLATE "C" NOT NULL DEFAULT 'hangup',
	"no_answer_id" BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY ("tenant_id", "id")
);
CREATE INDEX "ring_groups_no_answer_id" ON "ring_groups" ("tenant_id", "no_answer_id", "id");
CREATE TABLE "ring_group_members" (
	"tenant_id" BIGINT NOT NULL,
	"parent_id" BIGINT NOT NULL,
	"position" BIGINT NOT NULL,
	"extension_id" BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY ("tenant_id", "parent_id", "position")
);
CREATE UNIQUE INDEX "ring_group_members_extension_id_unique" ON "ring_group_members" ("tenant_id", "parent_id", "extension_id");
CREATE INDEX "ring_group_members_extension_id" ON "ring_group_members" ("tenant_id", "extension_id");
CREATE TABLE "number" (
	"tenant_id" BIGINT NOT NULL,
	"number" TEXT COLLATE "C" NOT NULL,
	"resource" TEXT COLLATE "C" NOT NULL,
	"id" BIGINT NOT NULL,
	PRIMARY KEY ("tenant_id", "number")
);
CREATE INDEX "number_owner" ON "number" ("tenant_id", "resource", "id");
CREATE TABLE "directory" (
	"kind" TEXT COLLATE "C" NOT NULL,
	"name" TEXT COLLATE "C" NOT NULL,
	"tenant_id" BIGINT NOT NULL,
	"resource" TEXT COLLATE "C" NOT NULL,
	"id" BIGINT NOT NULL,
	PRIMARY KEY ("kind", "name")
);
CREATE INDEX "directory_owner" ON "directory" ("tenant_id", "resource", "id");
CREATE TABLE "registrations" (
	"tenant_id" BIGINT NOT NULL,
	"id" BIGINT NOT NULL,
	"account_id" BIGINT NOT NULL DEFAULT 0,
	"uri" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"path" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"remote" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"local" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"transport" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"instance" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"reg_id" BIGINT NOT NULL DEFAULT 0,
	"q" BIGINT NOT NULL DEFAULT 1000,
	"user_agent" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"call_id" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"cseq" BIGINT NOT NULL DEFAULT 0,
	"registered_at" BIGINT NOT NULL DEFAULT 0,
	"expires_at" BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY ("tenant_id", "id")
);
CREATE INDEX "registrations_account_id" ON "registrations" ("tenant_id", "account_id", "id");
CREATE TABLE "cdrs" (
	"tenant_id" BIGINT NOT NULL,
	"id" BIGINT NOT NULL,
	"caller" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"caller_name" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"callee" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"direction" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"started_at" BIGINT NOT NULL DEFAULT 0,
	"ringing_at" BIGINT NOT NULL DEFAULT 0,
	"answered_at" BIGINT NOT NULL DEFAULT 0,
	"ended_at" BIGINT NOT NULL DEFAULT 0,
	"last_alive_at" BIGINT NOT NULL DEFAULT 0,
	"status" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"reason" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"sip_code" BIGINT NOT NULL DEFAULT 0,
	"ended_by" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"final_dest" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"sip_call_id" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"config_revision" BIGINT NOT NULL DEFAULT 0,
	"node" BIGINT NOT NULL DEFAULT 0,
	"boot" BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY ("tenant_id", "id")
);
CREATE INDEX "cdrs_started_at" ON "cdrs" ("tenant_id", "started_at", "id");
CREATE TABLE "cdr_legs" (
	"tenant_id" BIGINT NOT NULL,
	"id" BIGINT NOT NULL,
	"call_id" BIGINT NOT NULL DEFAULT 0,
	"position" BIGINT NOT NULL DEFAULT 0,
	"side" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"extension_id" BIGINT NOT NULL DEFAULT 0,
	"account_id" BIGINT NOT NULL DEFAULT 0,
	"number" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"remote" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"user_agent" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"started_at" BIGINT NOT NULL DEFAULT 0,
	"ringing_at" BIGINT NOT NULL DEFAULT 0,
	"answered_at" BIGINT NOT NULL DEFAULT 0,
	"ended_at" BIGINT NOT NULL DEFAULT 0,
	"sip_code" BIGINT NOT NULL DEFAULT 0,
	"reason" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"ended_by" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"rx_packets" BIGINT NOT NULL DEFAULT 0,
	"tx_packets" BIGINT NOT NULL DEFAULT 0,
	"rx_lost" BIGINT NOT NULL DEFAULT 0,
	"rx_jitter_us" BIGINT NOT NULL DEFAULT 0,
	"rx_refused" BIGINT NOT NULL DEFAULT 0,
	"sip_call_id" TEXT COLLATE "C" NOT NULL DEFAULT '',
	PRIMARY KEY ("tenant_id", "id")
);
CREATE INDEX "cdr_legs_call_id" ON "cdr_legs" ("tenant_id", "call_id", "id");
CREATE TABLE "cdr_segments" (
	"tenant_id" BIGINT NOT NULL,
	"id" BIGINT NOT NULL,
	"call_id" BIGINT NOT NULL DEFAULT 0,
	"position" BIGINT NOT NULL DEFAULT 0,
	"leg_a" BIGINT NOT NULL DEFAULT 0,
	"leg_b" BIGINT NOT NULL DEFAULT 0,
	"service" TEXT COLLATE "C" NOT NULL DEFAULT '',
	"started_at" BIGINT NOT NULL DEFAULT 0,
	"ended_at" BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY ("tenant_id", "id")
);
CREATE INDEX "cdr_segments_call_id" ON "cdr_segments" ("tenant_id", "call_id", "id");
CREATE TABLE schema_version (version BIGINT NOT NULL);
CREATE TABLE setting (name TEXT COLLATE "C" NOT NULL PRIMARY KEY, value TEXT COLLATE "C" NOT NULL);
CREATE TABLE tenant_revision (tenant_id BIGINT NOT NULL PRIMARY KEY, revision BIGINT NOT NULL, next_id BIGINT NOT NULL);
CREATE TABLE change (tenant_id BIGINT NOT NULL, revision BIGINT NOT NULL, resource TEXT COLLATE "C" NOT NULL, id BIGINT NOT NULL, before TEXT COLLATE "C" NOT NULL, after TEXT COLLATE "C" NOT NULL, changes TEXT COLLATE "C" NOT NULL, actor_tenant_id BIGINT NOT NULL, actor_id BIGINT NOT NULL, actor TEXT COLLATE "C" NOT NULL, source TEXT COLLATE "C" NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (tenant_id, revision));
CREATE TABLE session (token_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY, tenant_id BIGINT NOT NULL, user_id BIGINT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL);
CREATE INDEX session_by_user ON session (tenant_id, user_id, created_at);
CREATE INDEX session_by_expiry ON session (expires_at);
CREATE TABLE idempotency (tenant_id BIGINT NOT NULL, idem_key TEXT COLLATE "C" NOT NULL, body TEXT COLLATE "C" NOT NULL, id BIGINT NOT NULL, revision BIGINT NOT NULL, answer TEXT COLLATE "C" NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (tenant_id, idem_key));
CREATE INDEX idempotency_by_time ON idempotency (at);
CREATE TABLE journal_mark (node BIGINT NOT NULL PRIMARY KEY, boot BIGINT NOT NULL, seq BIGINT NOT NULL);
CREATE TABLE leg_kept (tenant_id BIGINT NOT NULL, leg_id BIGINT NOT NULL, node BIGINT NOT NULL, kept BYTEA NOT NULL, PRIMARY KEY (tenant_id, leg_id));
CREATE INDEX leg_kept_by_node ON leg_kept (node);
