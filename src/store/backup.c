/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two threads of backups, the one job there may be at a time, and how it is told of.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "base/log.h"
#include "store/backup_impl.h"
#include "store/migrate.h"

enum { QUEUE = 64, PLAN_MS = 20000 };

char *backup_path(const struct backups *b, uint64_t id, const char *what)
{
	char *path = NULL;

	return asprintf(&path, "%s/%016" PRIx64 ".%s", b->dir, id, what) < 0 ? NULL : path;
}

void backup_order_free(struct backup_order *o)
{
	if (!o)
		return;
	if (o->passphrase)
		explicit_bzero(o->passphrase, strlen(o->passphrase));
	free(o->passphrase);
	free(o->path);
	free(o->name);
	free(o->domain);
	explicit_bzero(o, sizeof(*o));
	free(o);
}

/* ---- labels ---- */

int backup_label_text(const struct backup_label *l, struct buf *out)
{
	json_t *parts = json_array(), *j;
	char *text;

	for (unsigned i = 0; i < BACKUP_NPARTS; i++)
		if (l->parts & 1u << i)
			json_array_append_new(parts, json_string(backup_part_names[i]));
	j = json_pack("{s:s,s:s,s:I,s:i,s:s,s:o,s:s,s:b,s:o}", "name", l->name, "version",
		      l->version, "made_at", (json_int_t)l->made_at, "schema", l->schema, "lock",
		      l->is_passphrase ? "passphrase" : "system", "tenant_id",
		      json_sprintf("%" PRIu64, l->tenant_id), "tenant", l->domain, "scheduled",
		      l->is_scheduled, "parts", parts);
	text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	json_decref(j);
	if (!text)
		return ENOMEM;
	buf_cstr(out, text);
	free(text);
	return out->err;
}

static void text_into(char *dst, size_t bytes, const json_t *j, const char *name)
{
	record_set_text(dst, bytes, str_of(json_string_value(json_object_get(j, name))));
}

int backup_label_read(FILE *file, struct backup_label *l)
{
	struct buf text = {0};
	struct args a = {0};
	int err = archive_label(file, &text);

	*l = (struct backup_label){0};
	if (!err)
		a.json = json_loadb(text.p ? text.p : "", text.n, 0, NULL);
	if (!err && !json_is_object(a.json))
		err = EBADMSG;
	text_into(l->name, sizeof(l->name), a.json, "name");
	text_into(l->version, sizeof(l->version), a.json, "version");
	text_into(l->domain, sizeof(l->domain), a.json, "tenant");
	l->made_at = args_int(&a, "made_at", 0);
	l->tenant_id = args_id(&a, "tenant_id");
	l->schema = (int)args_int(&a, "schema", 0);
	l->is_passphrase = str_eq(args_text(&a, "lock"), STR("passphrase"));
	l->is_scheduled = json_is_true(json_object_get(a.json, "scheduled"));
	if (!err)
		err = backup_parts_read(json_object_get(a.json, "parts"), &l->parts, NULL);
	args_close(&a);
	buf_free(&text);
	return err;
}

int backup_parts_read(const json_t *list, unsigned *parts, struct field_errors *errs)
{
	const json_t *one;
	size_t i;

	*parts = 0;
	json_array_foreach(list, i, one)
	{
		unsigned k = 0;

		while (k < BACKUP_NPARTS &&
		       !str_eq(str_of(json_string_value(one)), str_of(backup_part_names[k])))
			k++;
		if (k == BACKUP_NPARTS) {
			if (!errs)
				continue; /* of a program that knows more */
			field_error_add(errs, "parts", "not_in_list", "is no part of a backup");
			return EINVAL;
		}
		*parts |= 1u << k;
	}
	return 0;
}

/* ---- the job ---- */

static void tell(struct backups *b, const struct backup_job *job)
{
	struct store_news n = {.tenant_id = job->tenant_id,
			       .id = job->id,
			       .is_restore = job->kind == BACKUP_RESTORING,
			       .is_over = job->state != BACKUP_RUNNING,
			       .percent = job->percent};

	record_set_text(n.why, sizeof(n.why), str_of(job->error));
	if (b->store->news && ring_push(b->store->news, &n))
		log_info(NULL, LOGID_BACKUP, "nobody reads how backups get on");
}

static struct backup_job *last_job(struct backups *b)
{
	return &b->job[(b->njobs - 1) % BACKUP_JOBS];
}

int backup_begin(struct backups *b, const struct backup_job *job)
{
	struct backup_job copy;

	pthread_mutex_lock(&b->lock);
	if (b->is_busy) {
		pthread_mutex_unlock(&b->lock);
		return EALREADY;
	}
	b->is_busy = true;
	b->njobs++;
	free(last_job(b)->errors);
	*last_job(b) = copy = *job;
	pthread_mutex_unlock(&b->lock);
	tell(b, &copy);
	return 0;
}

void backup_progress(struct backups *b, unsigned percent)
{
	struct backup_job copy;
	bool is_news;

	pthread_mutex_lock(&b->lock);
	is_news = percent >= last_job(b)->percent + 5;
	if (is_news)
		last_job(b)->percent = percent;
	copy = *last_job(b);
	pthread_mutex_unlock(&b->lock);
	if (is_news)
		tell(b, &copy);
}

void backup_end(struct backups *b, int err, const char *why, char *errors)
{
	struct backup_job copy, *job;

	pthread_mutex_lock(&b->lock);
	job = last_job(b);
	job->state = err ? BACKUP_FAILED : BACKUP_COMPLETE;
	job->percent = err ? job->percent : 100;
	if (err)
		record_set_text(job->error, sizeof(job->error),
				str_of(why && *why ? why : strerror(err)));
	job->errors = errors;
	b->is_busy = false;
	copy = *job;
	pthread_mutex_unlock(&b->lock);
	if (err)
		log_error(NULL, LOGID_BACKUP, "%s \"%s\" failed: %s",
			  copy.kind == BACKUP_MAKING ? "the backup" : "restoring", copy.label.name,
			  copy.error);
	else
		log_info(NULL, LOGID_BACKUP, "%s \"%s\" is complete",
			 copy.kind == BACKUP_MAKING ? "the backup" : "restoring", copy.label.name);
	tell(b, &copy);
}

bool backup_job_of(struct backups *b, uint64_t id, struct backup_job *job)
{
	bool found = false;

	pthread_mutex_lock(&b->lock);
	for (size_t i = b->njobs; !found && i > 0 && i + BACKUP_JOBS > b->njobs; i--) {
		const struct backup_job *one = &b->job[(i - 1) % BACKUP_JOBS];

		if (one->id == id) {
			*job = *one;
			job->errors = one->errors ? str_dup(str_of(one->errors)) : NULL;
			found = true;
		}
	}
	pthread_mutex_unlock(&b->lock);
	return found;
}

static const char *state_of(const struct backup_job *job)
{
	if (job->state == BACKUP_RUNNING)
		return job->kind == BACKUP_MAKING ? "running" : "restoring";
	if (job->kind == BACKUP_MAKING)
		return job->state == BACKUP_COMPLETE ? "complete" : "failed";
	return job->state == BACKUP_COMPLETE ? "restored" : "restore_failed";
}

json_t *backup_json(struct backups *b, uint64_t id, const struct backup_label *l, uint64_t bytes)
{
	struct backup_job job = {.percent = 100};
	const bool has_job = backup_job_of(b, id, &job);
	json_t *parts = json_array(), *errors = json_array(), *j, *found;
	char at[40];

	for (unsigned i = 0; i < BACKUP_NPARTS; i++)
		if (l->parts & 1u << i)
			json_array_append_new(parts, json_string(backup_part_names[i]));
	found = job.errors ? json_loads(job.errors, 0, NULL) : NULL;
	if (json_is_array(json_object_get(found, "errors")))
		json_array_extend(errors, json_object_get(found, "errors"));
	json_decref(found);
	free(job.errors);
	clock_rfc3339(at, sizeof(at), l->made_at);
	j = json_pack(
		"{s:o,s:s,s:s,s:s,s:o,s:o,s:s,s:s,s:b,s:I,s:s,s:i,s:s,s:o}", "id",
		json_sprintf("%" PRIu64, id), "name", l->name, "made_at", at, "version", l->version,
		"tenant_id", l->tenant_id ? json_sprintf("%" PRIu64, l->tenant_id) : json_null(),
		"parts", parts, "tenant", l->domain, "lock",
		l->is_passphrase ? "passphrase" : "system", "scheduled", l->is_scheduled, "bytes",
		(json_int_t)bytes, "state", has_job ? state_of(&job) : "complete", "percent",
		(int)job.percent, "error", has_job ? job.error : "", "errors", errors);
	return j;
}

int backup_refusal(int err, struct field_errors *errs)
{
	if (err == EALREADY) {
		field_error_add(errs, "", "busy", "another backup is being made or restored");
		return EEXIST;
	}
	if (err == EBADMSG)
		field_error_add(errs, "", "bad_file", "this is no backup");
	else if (err == EPROTO)
		field_error_add(errs, "", "later_version",
				"the backup is of a later version of this program");
	return err == EBADMSG || err == EPROTO ? EINVAL : err;
}

/* ---- what the jobs' thread is asked ---- */

static void set_parts(const struct args *a, unsigned all, unsigned *parts,
		      struct field_errors *errs)
{
	if (backup_parts_read(json_object_get(a->json, "parts"), parts, errs))
		return;
	if (!*parts)
		*parts = all;
}

static int read_lock(const struct args *a, struct backup_order *o, const struct store *s,
		     struct field_errors *errs)
{
	struct str words = args_text(a, "passphrase"), key = args_text(a, "key");
	size_t n = 0;

	if (words.n > ARCHIVE_PASSPHRASE_BYTES) {
		field_error_add(errs, "passphrase", "too_long", "at most %d bytes",
				ARCHIVE_PASSPHRASE_BYTES);
		return EINVAL;
	}
	if (words.n) {
		o->passphrase = str_dup(words);
		o->lock.passphrase = str_of(o->passphrase);
		return o->passphrase ? 0 : ENOMEM;
	}
	memcpy(o->key, s->seal.key, sizeof(o->key));
	if (key.n &&
	    (hex_decode(o->key, sizeof(o->key), str_trim(key), &n) || n != sizeof(o->key))) {
		field_error_add(errs, "key", "bad_text", "64 hexadecimal digits, as in master.key");
		return EINVAL;
	}
	o->lock.key = o->key;
	return 0;
}

/* Of the label: what the archive is of is read by people too. */
static int name_tenant(struct rows *r, struct backup_label *l)
{
	struct object *o = NULL;
	int err;

	if (!l->tenant_id)
		return 0;
	err = rows_load(r, &resource_tenant, 0, l->tenant_id, false, &o);
	if (!err)
		str_fit(l->domain, sizeof(l->domain), str_of(((struct tenant *)o)->domain));
	object_free(o);
	return err;
}

static int start_making(struct backups *b, struct rows *r, const struct store_request *req,
			const struct args *a, struct backup_order *o, struct field_errors *errs)
{
	struct backup_job job = {.kind = BACKUP_MAKING, .tenant_id = req->tenant_id};
	struct str name = args_text(a, "name");
	int err;

	if (!name.n || name.n > BACKUP_NAME)
		field_error_add(errs, "name", name.n ? "too_long" : "required",
				"1 to %d characters", BACKUP_NAME);
	set_parts(a, (1u << BACKUP_NPARTS) - 1, &o->parts, errs);
	if (errs->n || read_lock(a, o, b->store, errs))
		return EINVAL;
	o->id = job.id = (rng_u64(rng_system()) >> 1) | 1;
	record_set_text(o->label.name, sizeof(o->label.name), name);
	record_set_text(o->label.version, sizeof(o->label.version), STR(OFFHOOK_VERSION));
	o->label.made_at = clock_wall_us(clock_real());
	o->label.tenant_id = req->tenant_id;
	o->label.schema = migrate_version();
	o->label.is_passphrase = o->passphrase != NULL;
	o->label.parts = o->parts;
	err = name_tenant(r, &o->label);
	job.label = o->label;
	return err ? err : backup_begin(b, &job);
}

static int start_restoring(struct backups *b, const struct store_request *req, const struct args *a,
			   struct backup_order *o, struct field_errors *errs)
{
	struct backup_job job = {.kind = BACKUP_RESTORING, .id = req->id};
	uint64_t bytes;
	int err = shelf_label(b, req->id, &o->label, &bytes);

	if (err)
		return err;
	set_parts(a, o->label.parts, &o->parts, errs);
	if (o->parts & ~o->label.parts)
		field_error_add(errs, "parts", "not_found", "the backup does not have all of them");
	if (o->label.is_passphrase && !args_text(a, "passphrase").n)
		field_error_add(errs, "passphrase", "required", "the backup is sealed with one");
	if (o->label.tenant_id && !(o->parts & 1u << BACKUP_CONFIGURATION))
		field_error_add(errs, "parts", "required",
				"a tenant is taken in with its configuration");
	if (errs->n || read_lock(a, o, b->store, errs))
		return EINVAL;
	o->id = (rng_u64(rng_system()) >> 1) | 1;
	o->backup_id = req->id;
	o->path = backup_path(b, req->id, "backup");
	o->name = str_dup(args_text(a, "name"));
	o->domain = str_dup(args_text(a, "domain"));
	if (!o->path || !o->name || !o->domain)
		return ENOMEM;
	job.tenant_id = o->label.tenant_id;
	job.label = o->label;
	return backup_begin(b, &job);
}

static void run_job(struct backups *b, struct backup_order *o, bool is_restore)
{
	struct restore_result res = {0};
	int err;

	if (!is_restore)
		err = backup_make(b, o->id, &o->label, &o->lock);
	else
		err = backup_restore(b, o, &res);
	backup_end(b, err, res.why, res.errors);
}

/* Answered as soon as it has begun. */
static void handle(struct backups *b, struct rows *r, struct store_request *req)
{
	const bool is_restore = strcmp(req->query, "backup_restore") == 0;
	struct backup_order *o = calloc(1, sizeof(*o));
	struct field_errors errs = {.n = 0};
	struct store_reply reply = {0};
	struct args a = {0};
	int err = o ? args_open(&a, req, &errs) : ENOMEM;

	if (!err && is_restore)
		err = start_restoring(b, req, &a, o, &errs);
	else if (!err)
		err = start_making(b, r, req, &a, o, &errs);
	args_close(&a);
	if (err) {
		err = backup_refusal(err, &errs);
		store_answer_error(req, err, &errs);
		backup_order_free(o);
		return;
	}
	reply.id = is_restore ? o->backup_id : o->id;
	reply.err = store_reply_json(&reply, backup_json(b, reply.id, &o->label, 0));
	store_answer(req, &reply);
	run_job(b, o, is_restore);
	/* A writer that did not answer may still look at it. */
	backup_order_free(b->order == o ? NULL : o);
}

static void jobs_main(void *arg)
{
	struct backups *b = arg;
	struct store_request req;
	struct db *db = NULL;
	struct rows rows;

	while (!db && store_connect(b->store, LINK_READER, &db) && !db_worker_stopping(&b->jobs))
		db_worker_pause(&b->jobs, 100);
	if (db)
		rows = store_rows(b->store, db);
	while (!db_worker_stopping(&b->jobs)) {
		if (db_worker_next(&b->jobs, &req, PLAN_MS)) {
			if (db)
				handle(b, &rows, &req);
			else
				store_answer_error(&req, EAGAIN, NULL);
			free(req.json);
		} else if (db && !db_worker_stopping(&b->jobs)) {
			backup_plan(b, &rows, clock_wall_us(clock_real()));
		}
	}
	if (db)
		buf_free(&rows.hold);
	db_close(db);
}

/* ---- outside ---- */

/* From the shelf's thread too: what is not there is told so, whatever else is being done. */
int backup_forward(struct backups *b, const struct store_request *req)
{
	bool is_busy;

	pthread_mutex_lock(&b->lock);
	is_busy = b->is_busy;
	pthread_mutex_unlock(&b->lock);
	return is_busy ? EALREADY : db_worker_post(&b->jobs, req);
}

static bool is_operation(const char *name)
{
	static const char *const names[] = {
#define X(name, arguments, answer) #name,
#include "store/backup_ops.def"
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

int backups_post(struct backups *b, const struct store_request *req)
{
	struct field_errors errs = {.n = 0};
	int err;

	BUG(!is_operation(req->query));

	if (strcmp(req->query, "backup_create") != 0)
		return db_worker_post(&b->shelf, req);
	err = backup_forward(b, req);
	if (err != EALREADY)
		return err;
	free(req->json);
	store_answer_error(req, backup_refusal(EALREADY, &errs), &errs);
	return 0;
}

int backups_open(struct backups **bp, struct store *s)
{
	struct backups *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return ENOMEM;
	b->store = s;
	*bp = b;
	err = pthread_mutex_init(&b->lock, NULL);
	if (!err && asprintf(&b->dir, "%s/backups", s->data_dir) < 0)
		err = ENOMEM;
	if (!err && mkdir(b->dir, 0700) && errno != EEXIST)
		err = errno;
	if (!err)
		err = ring_alloc(&b->from_writer, 2, sizeof(struct store_reply));
	if (!err)
		err = db_worker_start(&b->shelf, "backup-shelf", THREAD_FILE, QUEUE, shelf_main, b);
	if (!err)
		err = db_worker_start(&b->jobs, "backup", THREAD_WORKER, QUEUE, jobs_main, b);
	return err;
}

void backups_stop(struct backups *b)
{
	if (!b)
		return;
	db_worker_stop(&b->jobs);
	db_worker_stop(&b->shelf);
}

struct backups *backups_close(struct backups *b)
{
	struct store_reply reply;

	if (!b)
		return NULL;
	while (b->from_writer && ring_pop(b->from_writer, &reply))
		free(reply.json);
	ring_free(b->from_writer);
	backup_order_free(b->order);
	for (size_t i = 0; i < BACKUP_JOBS; i++)
		free(b->job[i].errors);
	pthread_mutex_destroy(&b->lock);
	free(b->dir);
	free(b);
	return NULL;
}
