/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/metric.h"
#include "store/drain.h"

enum { BATCH = 1024, SLOTS = 4 * BATCH, TENANTS = 64 };

/* The last record of a thing within the batch. */
struct slot {
	uint32_t used; /* number of the batch */
	uint32_t at;   /* index of the record */
};

struct known_tenant {
	uint64_t id;
	bool is_there;
};

struct drain {
	struct store *store;
	struct db *db;
	struct rows rows;
	uint64_t node, boot, seq; /* the mark; boot 0: not read yet */
	struct journal_record v[BATCH];
	size_t n;
	struct slot slots[SLOTS];
	uint32_t batch;
	struct known_tenant tenants[TENANTS]; /* asked in this batch */
	size_t ntenants;
	union {
		struct call_record call;
		struct leg_record leg;
		struct segment_record segment;
		struct contact_record contact;
	} rec;
};

int drain_open(struct drain **dp, struct store *s)
{
	struct drain *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return ENOMEM;
	d->store = s;
	err = store_connect(s, LINK_JOURNAL, &d->db);
	if (err) {
		free(d);
		return err;
	}
	d->rows = store_rows(s, d->db);
	*dp = d;
	return 0;
}

struct drain *drain_close(struct drain *d)
{
	if (!d)
		return NULL;
	buf_free(&d->rows.hold);
	db_close(d->db);
	free(d);
	return NULL;
}

struct db *drain_db(struct drain *d)
{
	return d->db;
}

struct rows *drain_rows(struct drain *d)
{
	return &d->rows;
}

/* ---- the mark ---- */

static int read_mark(struct drain *d, uint64_t node)
{
	struct db_stmt *st;
	int err = db_sql(d->db, "SELECT boot, seq FROM journal_mark WHERE node = $1", &st);

	if (err)
		return err;
	db_bind_id(st, 1, node);
	err = db_step(st);
	d->node = node;
	d->boot = err ? 0 : db_id(st, 0);
	d->seq = err ? 0 : db_id(st, 1);
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int write_mark(struct drain *d, const struct journal_file *f, uint64_t seq)
{
	struct db_stmt *st;
	int err;

	err = db_sql(d->db,
		     "INSERT INTO journal_mark (node, boot, seq) VALUES ($1, $2, $3) "
		     "ON CONFLICT (node) DO UPDATE SET boot = excluded.boot, seq = excluded.seq",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, f->node);
	db_bind_id(st, 2, f->boot);
	db_bind_id(st, 3, seq);
	return db_run(st);
}

int drain_last_boot(struct drain *d, uint64_t node, uint64_t *bootp)
{
	int err = read_mark(d, node);

	*bootp = d->boot;
	return err;
}

static bool is_drained(const struct drain *d, const struct journal_file *f, uint64_t seq)
{
	return f->boot < d->boot || (f->boot == d->boot && seq <= d->seq);
}

/* ---- one batch ---- */

struct key { /* how each record begins; kept legs: kept_head's ids, see key_of() */
	uint64_t tenant_id, id;
};

static struct key key_of(const struct journal_record *r)
{
	struct kept_head head;
	struct key key = {0};

	if (r->kind == RECORD_LEG_KEPT && r->n >= sizeof(head)) {
		memcpy(&head, r->p, sizeof(head));
		key = (struct key){head.tenant_id, head.leg_id};
	} else if (r->kind < RECORD_NTABLES && r->n >= sizeof(key)) {
		memcpy(&key, r->p, sizeof(key));
	}
	return key;
}

static bool same_thing(const struct journal_record *a, const struct journal_record *b)
{
	struct key ka = key_of(a), kb = key_of(b);

	return a->kind == b->kind && ka.tenant_id == kb.tenant_id && ka.id == kb.id;
}

static struct slot *slot_of(struct drain *d, const struct journal_record *r)
{
	struct key k = key_of(r);
	uint64_t h = (k.tenant_id ^ k.id * 0x9e3779b97f4a7c15u ^ (uint64_t)r->kind << 56) *
		     0xff51afd7ed558ccdu;

	for (size_t i = h >> 32;; i++) {
		struct slot *s = &d->slots[i % SLOTS];

		if (s->used != d->batch || same_thing(&d->v[s->at], r))
			return s;
	}
}

static void gather(struct drain *d, const struct journal_file *f, struct journal_place *at,
		   uint64_t end)
{
	d->n = 0;
	d->batch++;
	d->ntenants = 0;
	while (d->n < BATCH && !journal_file_next(f, at, end, &d->v[d->n])) {
		struct slot *s = slot_of(d, &d->v[d->n]);

		*s = (struct slot){d->batch, (uint32_t)d->n++};
	}
}

static bool is_last_of_its_thing(struct drain *d, size_t i)
{
	return slot_of(d, &d->v[i])->at == i;
}

static int tenant_exists(struct drain *d, uint64_t id, bool *yes)
{
	struct db_stmt *st;
	int err;

	for (size_t i = 0; i < d->ntenants; i++) {
		if (d->tenants[i].id != id)
			continue;
		*yes = d->tenants[i].is_there;
		return 0;
	}
	err = db_sql(d->db, "SELECT 1 FROM tenant_revision WHERE tenant_id = $1", &st);
	if (err)
		return err;
	db_bind_id(st, 1, id);
	err = db_step(st);
	db_done(st);
	*yes = !err;
	if (err && err != ENOENT)
		return err;
	d->tenants[d->ntenants < TENANTS ? d->ntenants++ : 0] = (struct known_tenant){id, *yes};
	return 0;
}

/* ---- one record ---- */

static int run_by_key(struct drain *d, const char *sql, struct key key)
{
	struct db_stmt *st;
	int err = db_sql(d->db, sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, key.tenant_id);
	db_bind_id(st, 2, key.id);
	return db_run(st);
}

static int put_row(struct drain *d, enum record_kind kind)
{
	const struct sql_table *t = sql_record_table(d->rows.schema, kind);
	struct sql_value v[SQL_MAX_COLUMNS];
	struct db_stmt *st;
	int err;

	if (kind == RECORD_CONTACT && !d->rec.contact.expires_at)
		return run_by_key(d, t->remove,
				  (struct key){d->rec.contact.tenant_id, d->rec.contact.id});
	sql_encode_record(t, &d->rec, v);
	err = db_sql(d->db, t->upsert, &st);
	if (!err)
		err = rows_bind(&d->rows, st, NULL, v, t->ncols);
	return err ? err : db_run(st);
}

static int put_kept(struct drain *d, const struct journal_record *r)
{
	struct buf sealed = {0};
	struct kept_head head;
	struct db_stmt *st;
	int err;

	memcpy(&head, r->p, sizeof(head));
	if (head.is_ended)
		return run_by_key(d, "DELETE FROM leg_kept WHERE tenant_id = $1 AND leg_id = $2",
				  (struct key){head.tenant_id, head.leg_id});
	err = seal_bytes(d->rows.seal, r->p, r->n, &sealed);
	if (!err)
		err = db_sql(d->db,
			     "INSERT INTO leg_kept (tenant_id, leg_id, node, kept) "
			     "VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, leg_id) "
			     "DO UPDATE SET node = excluded.node, kept = excluded.kept",
			     &st);
	if (!err) {
		db_bind_id(st, 1, head.tenant_id);
		db_bind_id(st, 2, head.leg_id);
		db_bind_id(st, 3, d->node);
		db_bind_blob(st, 4, sealed.p, sealed.n);
		err = db_run(st);
	}
	buf_free(&sealed);
	return err;
}

static int put(struct drain *d, const struct pack_names *names, const struct journal_record *r)
{
	bool is_there;
	int err;

	if (r->kind == RECORD_LEG_KEPT)
		err = r->n < sizeof(struct kept_head) ? EBADMSG : 0;
	else
		err = pack_read(names, r->kind, &d->rec, r->p, r->n);
	if (err)
		return err;
	err = tenant_exists(d, key_of(r).tenant_id, &is_there);
	if (err || !is_there)
		return err;
	return r->kind == RECORD_LEG_KEPT ? put_kept(d, r) : put_row(d, r->kind);
}

static bool is_the_records_fault(int err)
{
	return err == EINVAL || err == EEXIST || err == ERANGE || err == EBADMSG;
}

/* carefully: each record in a savepoint of its own, those refused left out. */
static int put_batch(struct drain *d, const struct journal_file *f, const struct pack_names *names,
		     bool carefully)
{
	int err = 0;

	for (size_t i = 0; !err && i < d->n; i++) {
		if (is_drained(d, f, d->v[i].seq) || !is_last_of_its_thing(d, i))
			continue;
		if (carefully)
			err = db_savepoint(d->db);
		if (!err)
			err = put(d, names, &d->v[i]);
		if (carefully && is_the_records_fault(err)) {
			log_error(NULL, LOGID_JOURNAL,
				  "record %llu of kind %d cannot be kept: %s: %s",
				  (unsigned long long)d->v[i].seq, (int)d->v[i].kind, strerror(err),
				  db_error(d->db));
			metric_add(METRIC_JOURNAL_REFUSED, 1);
			err = db_savepoint_undo(d->db);
		} else if (carefully && !err) {
			err = db_savepoint_keep(d->db);
		}
	}
	return err;
}

static int one_transaction(struct drain *d, const struct journal_file *f,
			   const struct pack_names *names, bool carefully)
{
	int err = db_begin(d->db, true);

	if (!err)
		err = read_mark(d, f->node);
	if (!err)
		err = put_batch(d, f, names, carefully);
	if (!err)
		err = write_mark(d, f, d->v[d->n - 1].seq);
	if (!err)
		err = db_commit(d->db);
	if (err)
		db_rollback(d->db);
	return err == ECONNABORTED ? EAGAIN : err;
}

int drain_some(struct drain *d, const struct journal_file *f, const struct pack_names *names,
	       struct journal_place *at, uint64_t end)
{
	struct journal_place next = *at;
	int err;

	gather(d, f, &next, end);
	if (!d->n)
		return ENOENT;
	err = one_transaction(d, f, names, false);
	if (is_the_records_fault(err))
		err = one_transaction(d, f, names, true);
	if (!err)
		*at = next;
	return err;
}

int drain_forget_lapsed(struct drain *d, int64_t before_us)
{
	struct db_stmt *st;
	int err = db_sql(d->db, "DELETE FROM registrations WHERE expires_at < $1", &st);

	if (err)
		return err;
	db_bind_int(st, 1, before_us);
	return db_run(st);
}
