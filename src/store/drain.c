/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/metric.h"
#include "store/drain.h"
#include "store/drain_record.h"

enum { HELD = 32768, SLOTS = 4 * HELD, AT_A_TIME = 1024 };

/* A record read and not yet in the database: the last one of its thing. */
struct held {
	struct journal_record rec;
	struct record_key key;
	struct journal_place place; /* where reading it again begins */
	uint64_t since_ms;	    /* the first one of its thing was read */
	bool is_final, is_chosen;
};

struct drain {
	struct store *store;
	struct db *db;
	struct rows rows;
	struct record_writer writer;
	const struct journal_file *file;
	struct journal_place read; /* the next record to read */
	uint32_t hold_ms;
	uint64_t boot, seq; /* the mark, as the database has it */
	struct held held[HELD];
	size_t n;
	uint16_t slots[SLOTS]; /* index + 1 by key; 0 = free */
};
_Static_assert(HELD < UINT16_MAX, "indexes fit");

int drain_open(struct drain **dp, struct store *s)
{
	struct drain *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return ENOMEM;
	d->store = s;
	err = store_connect(s, LINK_JOURNAL, &d->db);
	if (!err) {
		d->rows = store_rows(s, d->db);
		err = record_writer_open(&d->writer, &d->rows);
	}
	if (err) {
		db_close(d->db);
		free(d);
		return err;
	}
	*dp = d;
	return 0;
}

struct drain *drain_close(struct drain *d)
{
	if (!d)
		return NULL;
	record_writer_close(&d->writer);
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

void drain_begin(struct drain *d, const struct journal_file *f, const struct journal_place *from,
		 uint32_t hold_ms)
{
	d->file = f;
	d->read = *from;
	d->hold_ms = hold_ms;
	d->n = 0;
	memset(d->slots, 0, sizeof(d->slots));
	/* Only a boot that began empty knows which legs have rows. */
	record_writer_begin(&d->writer, f, from->pos == 0 && hold_ms);
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
	d->boot = err ? 0 : db_id(st, 0);
	d->seq = err ? 0 : db_id(st, 1);
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int write_mark(struct drain *d, uint64_t seq)
{
	struct db_stmt *st;
	int err;

	err = db_sql(d->db,
		     "INSERT INTO journal_mark (node, boot, seq) VALUES ($1, $2, $3) "
		     "ON CONFLICT (node) DO UPDATE SET boot = excluded.boot, seq = excluded.seq",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, d->file->node);
	db_bind_id(st, 2, d->file->boot);
	db_bind_id(st, 3, seq);
	return db_run(st);
}

int drain_last_boot(struct drain *d, uint64_t node, uint64_t *bootp)
{
	int err = read_mark(d, node);

	*bootp = d->boot;
	return err;
}

static bool is_drained(const struct drain *d, const struct held *h)
{
	return d->file->boot < d->boot || (d->file->boot == d->boot && h->rec.seq <= d->seq);
}

/* ---- what is held ---- */

static uint16_t *slot_of(struct drain *d, const struct record_key *k)
{
	uint64_t h = (k->tenant_id ^ k->id * 0x9e3779b97f4a7c15u ^ (uint64_t)k->kind << 56) *
		     0xff51afd7ed558ccdu;

	for (size_t i = h >> 32;; i++) {
		uint16_t *slot = &d->slots[i % SLOTS];
		const struct record_key *other = &d->held[*slot ? *slot - 1 : 0].key;

		if (!*slot || (other->kind == k->kind && other->tenant_id == k->tenant_id &&
			       other->id == k->id))
			return slot;
	}
}

/* Read on, as far as there is room. */
static void gather(struct drain *d, uint64_t end, uint64_t now_ms)
{
	while (d->n < HELD) {
		struct held h = {.place = d->read, .since_ms = now_ms};
		uint16_t *slot;

		if (journal_file_next(d->file, &d->read, end, &h.rec))
			return;
		h.key = record_key(&h.rec);
		h.is_final = record_is_final(&d->writer, &h.rec);
		slot = slot_of(d, &h.key);
		if (*slot) {
			h.since_ms = d->held[*slot - 1].since_ms;
			d->held[*slot - 1] = h;
		} else {
			d->held[d->n++] = h;
			*slot = (uint16_t)d->n;
		}
	}
}

static size_t choose(struct drain *d, uint64_t now_ms, bool flush)
{
	size_t n = 0;

	flush = flush || d->n == HELD || !d->hold_ms;
	for (size_t i = 0; i < d->n; i++) {
		struct held *h = &d->held[i];

		h->is_chosen = n < AT_A_TIME &&
			       (flush || h->is_final || now_ms - h->since_ms >= d->hold_ms);
		n += h->is_chosen;
	}
	return n;
}

/* Where reading would have to start to find everything that is not chosen. */
static struct journal_place place_left(const struct drain *d)
{
	struct journal_place place = d->read;

	for (size_t i = 0; i < d->n; i++)
		if (!d->held[i].is_chosen && d->held[i].place.pos < place.pos)
			place = d->held[i].place;
	return place;
}

static void forget_chosen(struct drain *d)
{
	size_t n = 0;

	memset(d->slots, 0, sizeof(d->slots));
	for (size_t i = 0; i < d->n; i++) {
		if (d->held[i].is_chosen)
			continue;
		d->held[n] = d->held[i];
		*slot_of(d, &d->held[n].key) = (uint16_t)(n + 1);
		n++;
	}
	d->n = n;
}

/* ---- one transaction ---- */

static bool is_the_records_fault(int err)
{
	return err == EINVAL || err == EEXIST || err == ERANGE || err == EBADMSG;
}

static int put_carefully(struct drain *d, const struct held *h)
{
	int err = db_savepoint(d->db);

	if (err)
		return err;
	err = record_put(&d->writer, &h->rec);
	if (!err)
		return db_savepoint_keep(d->db);
	if (!is_the_records_fault(err))
		return err;
	log_error(NULL, LOGID_JOURNAL, "record %llu of kind %d cannot be kept: %s: %s",
		  (unsigned long long)h->rec.seq, (int)h->key.kind, strerror(err), db_error(d->db));
	metric_add(METRIC_JOURNAL_REFUSED, 1);
	record_writer_undone(&d->writer);
	return db_savepoint_undo(d->db);
}

/* carefully: each record in a savepoint of its own, those refused left out. */
static int put_chosen(struct drain *d, bool carefully)
{
	int err = 0;

	for (size_t i = 0; !err && i < d->n; i++) {
		const struct held *h = &d->held[i];

		if (h->is_chosen && !is_drained(d, h))
			err = carefully ? put_carefully(d, h) : record_put(&d->writer, &h->rec);
	}
	return err;
}

static int one_transaction(struct drain *d, uint64_t mark, bool carefully)
{
	int err = db_begin(d->db, true);

	if (!err)
		err = read_mark(d, d->file->node);
	if (!err)
		err = put_chosen(d, carefully);
	if (!err && (d->boot < d->file->boot || (d->boot == d->file->boot && d->seq < mark)))
		err = write_mark(d, mark);
	if (!err)
		err = db_commit(d->db);
	if (err)
		db_rollback(d->db);
	else
		bell_ring(d->store->bell);
	record_writer_done(&d->writer, !err);
	return err == ECONNABORTED ? EAGAIN : err;
}

int drain_turn(struct drain *d, uint64_t end, uint64_t now_ms, bool flush,
	       struct journal_place *safe)
{
	int err;

	gather(d, end, now_ms);
	if (!choose(d, now_ms, flush))
		return ENOENT;
	*safe = place_left(d);
	err = one_transaction(d, safe->seq - 1, false);
	if (is_the_records_fault(err))
		err = one_transaction(d, safe->seq - 1, true);
	if (!err)
		forget_chosen(d);
	return err;
}

static int forget(struct drain *d, const char *sql, int64_t before_us)
{
	struct db_stmt *st;
	int err = db_sql(d->db, sql, &st);

	if (err)
		return err;
	db_bind_int(st, 1, before_us);
	return db_run(st);
}

/* An attack may leave many sources behind: what stays waits for the next time, and nobody for us. */
int drain_forget_lapsed(struct drain *d, int64_t before_us)
{
	int err = forget(d, "DELETE FROM registrations WHERE expires_at < $1", before_us);

	return err ? err
		   : forget(d,
			    "DELETE FROM blocked_sources WHERE tenant_id = 0 AND id IN (SELECT id "
			    "FROM "
			    "blocked_sources WHERE tenant_id = 0 AND expires_at < $1 LIMIT 10000)",
			    before_us);
}
