/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "store/drain_record.h"
#include "store/notice.h"
#include "store/outbox_put.h"
#include "store/recordings.h"
#include "store/sync.h"

int record_writer_open(struct record_writer *w, struct rows *rows)
{
	w->rows = rows;
	return map_init(&w->kept);
}

static void forget_kept(struct record_writer *w)
{
	struct map_iter it = {0};
	struct map_node *node;

	while ((node = map_next(&w->kept, &it))) {
		map_remove(&w->kept, node);
		free(CONTAINER_OF(node, struct kept_row, node));
	}
}

void record_writer_close(struct record_writer *w)
{
	forget_kept(w);
	map_close(&w->kept);
}

void record_writer_begin(struct record_writer *w, const struct journal_file *f, bool knows_kept)
{
	pack_names_read(&w->names, journal_file_names(f));
	w->node = f->node;
	w->knows_kept = knows_kept;
	forget_kept(w);
}

struct record_key record_key(const struct journal_record *r)
{
	struct record_key key = {.kind = r->kind};
	struct kept_head kept;
	struct record_head head;

	if (r->kind == RECORD_LEG_KEPT && r->n >= sizeof(kept)) {
		memcpy(&kept, r->p, sizeof(kept));
		key.tenant_id = kept.tenant_id;
		key.id = kept.leg_id;
	} else if (r->kind < RECORD_NTABLES && r->n >= sizeof(head)) {
		memcpy(&head, r->p, sizeof(head));
		key.tenant_id = head.tenant_id;
		key.id = head.id;
	}
	return key;
}

static int read_record(struct record_writer *w, const struct journal_record *r)
{
	if (r->kind != RECORD_LEG_KEPT)
		return pack_read(&w->names, r->kind, &w->rec, r->p, r->n);
	if (r->n < sizeof(w->rec.kept))
		return EBADMSG;
	memcpy(&w->rec.kept, r->p, sizeof(w->rec.kept));
	return 0;
}

bool record_is_final(const struct record_writer *w, const struct journal_record *r)
{
	static const size_t ended_at[RECORD_NTABLES] = {
		[RECORD_CALL] = offsetof(struct call_record, ended_at),
		[RECORD_LEG] = offsetof(struct leg_record, ended_at),
		[RECORD_SEGMENT] = offsetof(struct segment_record, ended_at),
		[RECORD_RECORDING] = offsetof(struct recording_record, ended_at),
	};
	struct kept_head kept;

	if (r->kind == RECORD_LEG_KEPT && r->n >= sizeof(kept)) {
		memcpy(&kept, r->p, sizeof(kept));
		return kept.is_ended != 0;
	}
	if (r->kind >= RECORD_NTABLES || !ended_at[r->kind])
		return true;
	return pack_peek(&w->names, r->kind, ended_at[r->kind], r->p, r->n) != 0;
}

static int know_tenant(struct record_writer *w, uint64_t id, struct known_tenant **tp)
{
	struct db_stmt *st;
	int err;

	for (size_t i = 0; i < w->ntenants; i++) {
		if (w->tenants[i].id != id)
			continue;
		*tp = &w->tenants[i];
		return 0;
	}
	err = db_sql(w->rows->db, "SELECT 1 FROM tenant_revision WHERE tenant_id = $1", &st);
	if (err)
		return err;
	db_bind_id(st, 1, id);
	err = db_step(st);
	db_done(st);
	if (err && err != ENOENT)
		return err;
	*tp = &w->tenants[w->ntenants < ARRAY_LEN(w->tenants) ? w->ntenants++ : 0];
	**tp = (struct known_tenant){.id = id, .is_there = !err};
	return 0;
}

static int run_by_key(struct record_writer *w, const char *sql, struct record_key key)
{
	struct db_stmt *st;
	int err = db_sql(w->rows->db, sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, key.tenant_id);
	db_bind_id(st, 2, key.id);
	return db_run(st);
}

/* The newest 5000 of a tenant stay, of what was refused and of what was done: who is refused without end fills no disk, and hides
 * nothing that he did. */
#define FORGET(which)                                                                              \
	"DELETE FROM activities WHERE tenant_id = $1 AND " which                                   \
	" AND id <= (SELECT id FROM activities WHERE tenant_id = $1 AND id <= $2 AND " which       \
	" ORDER BY id DESC LIMIT 1 OFFSET 5000)"
static const char *const forget_activities[2] = {FORGET("status < 400"), FORGET("status >= 400")};

static int put_row(struct record_writer *w, struct record_key key, struct known_tenant *tenant)
{
	const struct sql_table *t = sql_record_table(w->rows->schema, key.kind);
	struct sql_value v[SQL_MAX_COLUMNS];
	struct db_stmt *st;
	int err;

	if ((key.kind == RECORD_CONTACT && !w->rec.contact_record.expires_at) ||
	    (key.kind == RECORD_BLOCK && !w->rec.block_record.expires_at))
		return run_by_key(w, t->remove, key);
	sql_encode_record(t, &w->rec, v);
	err = db_sql(w->rows->db, t->upsert, &st);
	if (!err)
		err = rows_bind(w->rows, st, NULL, v, t->ncols);
	if (!err)
		err = db_run(st);
	if (!err && key.kind == RECORD_ACTIVITY)
		err = run_by_key(w, forget_activities[w->rec.activity_record.status >= 400], key);
	if (!err && key.kind == RECORD_RECORDING)
		storage_mark(w->rows, key.tenant_id);
	if (!err && key.kind == RECORD_CALL)
		err = sync_call_written(w->rows, key.tenant_id, key.id, &tenant->numbers);
	return err;
}

/* ---- what is kept of legs ---- */

static bool same_key(const struct map_node *node, const void *arg)
{
	const struct record_key *a = &CONTAINER_OF(node, struct kept_row, node)->key, *b = arg;

	return a->tenant_id == b->tenant_id && a->id == b->id;
}

static struct kept_row *find_kept(struct record_writer *w, struct record_key key)
{
	struct map_node *node =
		map_find(&w->kept, map_hash_u64(key.tenant_id, key.id), same_key, &key);

	return node ? CONTAINER_OF(node, struct kept_row, node) : NULL;
}

static int note_kept(struct record_writer *w, struct record_key key)
{
	struct kept_row *row;

	if (!w->knows_kept || find_kept(w, key))
		return 0;
	row = calloc(1, sizeof(*row));
	if (!row)
		return ENOMEM;
	row->key = key;
	map_add(&w->kept, &row->node, map_hash_u64(key.tenant_id, key.id));
	return 0;
}

static int remove_kept(struct record_writer *w, struct record_key key)
{
	struct kept_row *row = find_kept(w, key);

	if (w->knows_kept && !row)
		return 0;
	if (row) {
		row->next_gone = w->gone;
		w->gone = row;
	}
	return run_by_key(w, "DELETE FROM leg_kept WHERE tenant_id = $1 AND leg_id = $2", key);
}

void record_writer_undone(struct record_writer *w)
{
	w->ntenants = 0; /* with the numbers that were taken for them */
}

void record_writer_done(struct record_writer *w, bool is_committed)
{
	while (w->gone) {
		struct kept_row *row = w->gone;

		w->gone = row->next_gone;
		if (!is_committed)
			continue; /* it will be deleted again */
		map_remove(&w->kept, &row->node);
		free(row);
	}
	w->ntenants = 0;
}

static int put_kept(struct record_writer *w, const struct journal_record *r, struct record_key key)
{
	struct buf sealed = {0};
	struct db_stmt *st;
	int err;

	if (w->rec.kept.is_ended)
		return remove_kept(w, key);
	err = note_kept(w, key);
	if (!err)
		err = seal_bytes(w->rows->seal, r->p, r->n, &sealed);
	if (!err)
		err = db_sql(w->rows->db,
			     "INSERT INTO leg_kept (tenant_id, leg_id, node, kept) "
			     "VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, leg_id) "
			     "DO UPDATE SET node = excluded.node, kept = excluded.kept",
			     &st);
	if (!err) {
		db_bind_id(st, 1, key.tenant_id);
		db_bind_id(st, 2, key.id);
		db_bind_id(st, 3, w->node);
		db_bind_blob(st, 4, sealed.p, sealed.n);
		err = db_run(st);
	}
	buf_free(&sealed);
	return err;
}

/* ---- webhooks ---- */

/* In the transaction that writes what they are told of.  Their order is that in which it is read from the journal. */
static int tell_webhooks(struct record_writer *w, struct record_key key)
{
	const bool is_call = key.kind == RECORD_CALL && w->rec.call_record.ended_at;
	struct outbox_news n = {.tenant_id = key.tenant_id, .subject = key.id};
	uint64_t ids[OUTBOX_HOOKS];
	char *body = NULL;
	size_t nids;
	int err;

	if (!key.tenant_id || (!is_call && key.kind != RECORD_EVENT))
		return 0;
	n.key = is_call ? "call_cdr" : w->rec.event_record.key;
	err = outbox_wanted(w->rows, key.tenant_id, n.key, ids, &nids);
	if (err || !nids)
		return err;
	err = is_call ? outbox_call_body(w->rows, &w->rec.call_record, &body)
		      : outbox_event_body(w->rows, &w->rec.event_record, &body);
	if (err == ENOENT)
		return 0;
	n.body = body;
	n.at_us = clock_wall_us(clock_real());
	w->told_us = n.at_us > w->told_us ? n.at_us : w->told_us + 1;
	n.at_us = w->told_us;
	if (!err)
		err = outbox_put(w->rows, &n, ids, nids);
	free(body);
	return err;
}

/* Of a call that may have been missed: when it ends, and when a device that has not answered it does. */
static int tell_by_mail(struct record_writer *w, struct record_key key)
{
	const int64_t now_us = clock_wall_us(clock_real());
	const struct call_record *call = &w->rec.call_record;
	const struct leg_record *leg = &w->rec.leg_record;

	if (!key.tenant_id)
		return 0;
	if (key.kind == RECORD_CALL && call->ended_at && !call->answered_at)
		return notice_missed(w->rows, key.tenant_id, key.id, now_us);
	if (key.kind == RECORD_LEG && leg->ended_at && !leg->answered_at && leg->extension_id)
		return notice_missed(w->rows, key.tenant_id, leg->call_id, now_us);
	if (key.kind == RECORD_EVENT)
		return notice_event(w->rows, &w->rec.event_record, now_us);
	return 0;
}

int record_put(struct record_writer *w, const struct journal_record *r)
{
	struct record_key key = record_key(r);
	struct known_tenant *tenant;
	int err = read_record(w, r);

	if (!err)
		err = know_tenant(w, key.tenant_id, &tenant);
	if (err || !tenant->is_there)
		return err;
	if (r->kind == RECORD_LEG_KEPT)
		return put_kept(w, r, key);
	err = put_row(w, key, tenant);
	if (!err)
		err = tell_by_mail(w, key);
	return err ? err : tell_webhooks(w, key);
}
