/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recordings: one of them, its file, and what a tenant has on the disk. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "store/query.h"
#include "store/recordings.h"

static int is_seen(struct rows *r, uint64_t tenant_id, const struct args *a,
		   struct field_errors *errs)
{
	uint64_t id = args_id(a, "id");

	return id ? query_is_seen(r, RECORD_RECORDING, tenant_id, id, args_id(a, "own_extension"),
				  errs)
		  : ENOENT;
}

int query_recording(struct rows *r, uint64_t tenant_id, const struct args *a,
		    struct store_reply *reply, struct field_errors *errs)
{
	json_t *j = NULL;
	int err = is_seen(r, tenant_id, a, errs);

	if (!err)
		err = query_one_record(r, RECORD_RECORDING, tenant_id, args_id(a, "id"), &j);
	return err ? err : store_reply_json(reply, j);
}

int query_recording_file(struct rows *r, uint64_t tenant_id, const struct args *a,
			 struct store_reply *reply, struct field_errors *errs)
{
	struct recording_file_info f;
	int err = is_seen(r, tenant_id, a, errs);

	if (!err)
		err = recording_find(r, tenant_id, args_id(a, "id"), &f);
	return err ? err
		   : store_reply_json(reply, json_pack("{s:s,s:I}", "format", f.format, "bytes",
						       (json_int_t)f.nbytes));
}

enum { MOST_BYTES = 256 << 10 };

int query_recording_bytes(struct rows *r, uint64_t tenant_id, const struct args *a,
			  struct store_reply *reply, struct field_errors *errs)
{
	int64_t offset = args_int(a, "offset", 0), n = args_int(a, "length", MOST_BYTES);
	struct recording_file_info f;
	int fd, err = recording_find(r, tenant_id, args_id(a, "id"), &f);
	ssize_t got;

	if (err)
		return err;
	if (offset < 0 || n < 0 || n > MOST_BYTES)
		return EINVAL;
	fd = open(f.path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	reply->json = malloc((size_t)n + 1);
	got = reply->json ? pread(fd, reply->json, (size_t)n, (off_t)offset) : 0;
	err = !reply->json ? ENOMEM : got < 0 ? errno : 0;
	close(fd);
	reply->njson = err ? 0 : (size_t)got;
	return err;
}

int query_storage(struct rows *r, uint64_t tenant_id, const struct args *a,
		  struct store_reply *reply, struct field_errors *errs)
{
	uint64_t quota_mb = 0, n = 0;
	struct storage_use use;
	int err = db_number(r->db,
			    "SELECT disk_quota_mb FROM tenants WHERE tenant_id = 0 AND id = $1",
			    tenant_id, &quota_mb);

	if (!err)
		err = db_number(r->db, "SELECT count(*) FROM recordings WHERE tenant_id = $1",
				tenant_id, &n);
	if (!err)
		err = storage_used(r, tenant_id, &use);
	return err ? err
		   : store_reply_json(reply,
				      json_pack("{s:I,s:I,s:I,s:I}", "disk_quota_mb",
						(json_int_t)quota_mb, "recordings", (json_int_t)n,
						"recordings_bytes", (json_int_t)use.recordings,
						"call_reports_bytes", (json_int_t)use.reports));
}
