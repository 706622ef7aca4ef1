-- SPDX-License-Identifier: GPL-3.0-or-later
-- A row for every table of schema 1, as that program wrote them.
INSERT INTO tenants (tenant_id, id, revision, name, domain, max_extensions) VALUES (0, 4611686018427387905, 1, 'acme', 'acme.example', 5);
INSERT INTO users (tenant_id, id, revision, username, password) VALUES (4611686018427387905, 1, 1, 'boss', '$argon2id$v=19$m=65536,t=2,p=1$b2ZmaG9vay1ub2JvZHktMQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA');
INSERT INTO extensions (tenant_id, id, revision, number, first_name) VALUES (4611686018427387905, 2, 2, '101', 'Björn');
INSERT INTO accounts (tenant_id, id, revision, username, extension_id) VALUES (4611686018427387905, 3, 3, '101', 2);
INSERT INTO ring_groups (tenant_id, id, revision, number, name) VALUES (4611686018427387905, 4, 4, '600', 'Sales');
INSERT INTO ring_group_members (tenant_id, parent_id, position, extension_id) VALUES (4611686018427387905, 4, 0, 2);
INSERT INTO number (tenant_id, number, resource, id) VALUES (4611686018427387905, '101', 'extension', 2);
INSERT INTO number (tenant_id, number, resource, id) VALUES (4611686018427387905, '600', 'ring_group', 4);
INSERT INTO directory (kind, name, tenant_id, resource, id) VALUES ('tenant.name', 'acme', 0, 'tenant', 4611686018427387905);
INSERT INTO directory (kind, name, tenant_id, resource, id) VALUES ('tenant.domain', 'acme.example', 0, 'tenant', 4611686018427387905);
INSERT INTO registrations (tenant_id, id, account_id, uri, expires_at) VALUES (4611686018427387905, 7, 3, 'sip:101@192.0.2.1', 9000000000000000);
INSERT INTO cdrs (tenant_id, id, caller, callee, started_at, ended_at, status, node) VALUES (4611686018427387905, 8, '101', '102', 1700000000000000, 1700000060000000, 'answered', 1);
INSERT INTO cdrs (tenant_id, id, caller, callee, started_at, status, node) VALUES (4611686018427387905, 9, '101', '103', 1700000100000000, 'in_progress', 1);
INSERT INTO cdr_legs (tenant_id, id, call_id, number) VALUES (4611686018427387905, 10, 8, '101');
INSERT INTO cdr_segments (tenant_id, id, call_id) VALUES (4611686018427387905, 11, 8);
INSERT INTO schema_version (version) VALUES (1);
INSERT INTO tenant_revision (tenant_id, revision, next_id) VALUES (0, 1, 1);
INSERT INTO tenant_revision (tenant_id, revision, next_id) VALUES (4611686018427387905, 4, 5);
INSERT INTO change (tenant_id, revision, resource, id, before, after, changes, actor_tenant_id, actor_id, actor, source, at) VALUES (4611686018427387905, 2, 'extension', 2, '', '{"number":"101"}', '{"number":[null,"101"]}', 0, 1, 'admin', '192.0.2.9', 1700000000000000);
INSERT INTO session (token_hash, tenant_id, user_id, created_at, expires_at) VALUES ('abc', 4611686018427387905, 1, 1, 9000000000000000);
INSERT INTO idempotency (tenant_id, idem_key, body, id, revision, answer, at) VALUES (4611686018427387905, 'k', 'b', 2, 2, '', 1700000000000000);
INSERT INTO journal_mark (node, boot, seq) VALUES (1, 3, 99);
