/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Backups: archives in DATA/backups, made and restored by a thread of their own, listed and carried by another.  What is said
 * of one stands in the label of its file, so a folder of files is all there is to move.
 *
 * Restoring: the whole archive is read, judged and laid aside first, rows in a stage (stage.h); then one short transaction of the writer
 * puts the stage's configuration into the place of ours and notes which restoring it was; then records are added and the files move to
 * where they belong.  Killed before the commit, nothing has happened (what was laid aside is thrown away at the next start); after it, the
 * next start does the rest.  A tenant alone is taken in within one transaction (edit_take_in.c).
 *
 * Thread     backups_open, backups_close: main; backups_post: any; the rest as they say
 * Errors     EALREADY: one is being made or restored; those of archive.h, dump.h, db.h
 */
#ifndef STORE_BACKUP_IMPL_H
#define STORE_BACKUP_IMPL_H

#include <pthread.h>
#include "store/args.h"
#include "store/dump.h"
#include "store/stage.h"

enum { BACKUP_CHUNK = 1 << 19, BACKUP_NAME = 128, BACKUP_JOBS = 8, BACKUP_FILES = 1000 };

/* What the label says. */
struct backup_label {
	char name[BACKUP_NAME + 1], version[32], domain[256];
	int64_t made_at;
	uint64_t tenant_id; /* 0: of the system */
	unsigned parts;	    /* bits of enum backup_part */
	int schema;
	bool is_passphrase, is_scheduled;
};
int backup_label_text(const struct backup_label *l, struct buf *out) MUST_USE;
int backup_label_read(FILE *file, struct backup_label *l) MUST_USE;

/* What the writer is to do; lives with the thread that waits for it. */
struct backup_order {
	char *path;
	struct archive_lock lock; /* of: */
	char *passphrase;
	uint8_t key[ARCHIVE_KEY_BYTES];
	struct backup_label label;
	unsigned parts;
	uint64_t backup_id;
	uint64_t id;	     /* of this restoring */
	char *name, *domain; /* of a tenant, instead of its own; NULL */
	struct stage stage;  /* of the system */
};
void backup_order_free(struct backup_order *o);

struct backup_job {
	uint64_t id, tenant_id;
	enum { BACKUP_NONE, BACKUP_MAKING, BACKUP_RESTORING } kind;
	enum { BACKUP_RUNNING, BACKUP_COMPLETE, BACKUP_FAILED } state;
	struct backup_label label;
	unsigned percent;
	char error[200];
	char *errors; /* {"errors":[…]} of a refused restoring, or NULL */
};

struct backups {
	struct store *store;
	char *dir;
	struct ring *from_writer;
	struct db_worker jobs, shelf;
	struct backup_order *order; /* the writer may look at it */
	pthread_mutex_t lock;	    /* of what follows */
	struct backup_job job[BACKUP_JOBS];
	size_t njobs; /* so far; the last is job[(njobs - 1) % BACKUP_JOBS] */
	bool is_busy;
};

/* backup.c */
int backups_open(struct backups **bp, struct store *s) MUST_USE;
void backups_stop(struct backups *b);		  /* its threads; before the writer */
struct backups *backups_close(struct backups *b); /* after it */
int backups_post(struct backups *b, const struct store_request *req) MUST_USE;
/* To the jobs' thread.  EALREADY: it is busy. */
int backup_forward(struct backups *b, const struct store_request *req) MUST_USE;
/* DATA/backups/<id>.<what>, malloc'd; NULL without memory. */
char *backup_path(const struct backups *b, uint64_t id, const char *what);
/* Takes the one place there is for a job.  EALREADY */
int backup_begin(struct backups *b, const struct backup_job *job) MUST_USE;
void backup_progress(struct backups *b, unsigned percent);
void backup_end(struct backups *b, int err, const char *why, char *errors); /* takes errors */
/* The last one that dealt with this backup; false: none.  errors is not copied. */
bool backup_job_of(struct backups *b, uint64_t id, struct backup_job *job);
json_t *backup_json(struct backups *b, uint64_t id, const struct backup_label *l, uint64_t bytes);
/* As the asker hears of it, with errs. */
int backup_refusal(int err, struct field_errors *errs);
/* "configuration,cdrs" from an array; EINVAL with errs. */
int backup_parts_read(const json_t *list, unsigned *parts, struct field_errors *errs) MUST_USE;

/* backup_shelf.c: the shelf's thread */
void shelf_main(void *backups);
int shelf_label(const struct backups *b, uint64_t id, struct backup_label *l,
		uint64_t *bytes) MUST_USE;
/* Every complete backup's id; how many. */
/* Uploads that nobody went on with for a day go; main at start, too. */
void shelf_clear_uploads(const char *dir);
size_t shelf_ids(const struct backups *b, uint64_t ids[BACKUP_FILES]);

/* backup_make.c: the jobs' thread */
int backup_make(struct backups *b, uint64_t id, const struct backup_label *label,
		const struct archive_lock *lock) MUST_USE;
/* backup_restore.c: the jobs' thread */
struct restore_result {
	char why[200];
	char *errors;
};
int backup_restore(struct backups *b, struct backup_order *order,
		   struct restore_result *res) MUST_USE;
/* At start, the database is there: moves the files of a restoring that was committed, throws the others away. */
int backup_tidy(struct store *s, struct db *db) MUST_USE;
/* backup_plan.c: makes a backup if the plan says so; jobs' thread. */
void backup_plan(struct backups *b, struct rows *r, int64_t now_us);

/* backup_apply.c: of the system.  Into the stage, on the jobs' thread; look: for each row.  Then, within the writer's transaction. */
typedef int backup_look_h(void *arg);
int backup_fill(struct rows *stage, const struct backup_order *order, backup_look_h *look,
		void *arg) MUST_USE;
int backup_apply(struct rows *r, const struct backup_order *order) MUST_USE;
/* backup_records.c: the records of the stage into the database after the switch, in small transactions; jobs' thread, main at start.
 * What is done twice is as if it had been done once. */
int backup_put_records(struct rows *live, struct rows *stage, backup_look_h *look,
		       void *arg) MUST_USE;
/* One table's entry into the database: each row as it comes, changed by fn (NULL: as it is; ENOENT: left out). */
typedef int backup_row_h(const struct dump_table *t, struct sql_value *v, void *arg);
int backup_take_table(struct rows *r, const struct dump_table *t, struct archive_in *a,
		      bool is_older, backup_row_h *fn, void *arg) MUST_USE;
/* Which restoring was committed, and whose files go where: setting 'restored'. */
enum { BACKUP_NOTE = 52 };
void backup_note_text(char dst[BACKUP_NOTE], const struct backup_order *order, uint64_t here);
int backup_note(struct db *db, const struct backup_order *order, uint64_t here) MUST_USE;
int backup_open_archive(const struct backup_order *order, FILE **filep,
			struct archive_in **ap) MUST_USE;

#endif
