/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "audio/avi.h"
#include "audio/wav.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "media/tape.h"

enum { LEFT_BYTES = 64 << 20, LEFT_SHARE = 20 };

int tape_make(struct recording_file **rp, const struct files_ask *ask, const char *path,
	      const struct files_sound *sound)
{
	struct recording_file *r;

	if (strlen(path) >= sizeof(r->path))
		return ENAMETOOLONG;
	r = mem_alloc(sizeof(*r));
	if (!r)
		return ENOMEM;
	r->ask = *ask;
	r->sound = *sound;
	r->fd = -1;
	snprintf(r->path, sizeof(r->path), "%s", path);
	snprintf(r->part, sizeof(r->part), "%s.part", path);
	*rp = r;
	return 0;
}

static int write_at(int fd, const void *p, size_t n, uint64_t at)
{
	while (n) {
		ssize_t put = pwrite(fd, p, n, (off_t)at);

		if (put < 0 && errno != EINTR)
			return errno;
		if (put < 0)
			continue;
		p = (const char *)p + put;
		n -= (size_t)put;
		at += (uint64_t)put;
	}
	return 0;
}

static int put_at(void *arg, const void *p, size_t n, uint64_t at)
{
	const struct recording_file *r = arg;

	return write_at(r->fd, p, n, at);
}

static int write_head(const struct recording_file *r)
{
	uint8_t head[WAV_HEAD_BYTES];

	wav_head(head, r->sound.rate_hz, r->sound.channels, r->nbytes);
	return write_at(r->fd, head, sizeof(head), 0);
}

static int begin(struct recording_file *r)
{
	struct avi_conf conf = {.put = put_at,
				.arg = r,
				.rate_hz = r->sound.rate_hz,
				.channels = r->sound.channels};

	return r->sound.has_pictures ? avi_open(&r->avi, &conf) : write_head(r);
}

static int open_part(const struct recording_file *r, int *fdp)
{
	*fdp = open(r->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	return *fdp < 0 ? errno : 0;
}

static int make_folder(const struct recording_file *r)
{
	char folder[sizeof(r->path)];
	char *last;

	memcpy(folder, r->path, sizeof(folder));
	last = strrchr(folder, '/');
	if (!last || last == folder)
		return ENOENT;
	*last = '\0';
	return mkdir(folder, 0750) && errno != EEXIST ? errno : 0;
}

void tape_open(struct recording_file *r)
{
	int err;

	if (!access(r->path, F_OK)) {
		r->err = EEXIST;
		return;
	}
	err = open_part(r, &r->fd);
	if (err == ENOENT && r->sound.makes_folder)
		err = make_folder(r);
	if (!err && r->fd < 0)
		err = open_part(r, &r->fd);
	r->err = err ? err : begin(r);
}

/* ENOSPC before it is so: records of calls, and the database, may be on the same disk. */
static int check_room(const struct recording_file *r, size_t n)
{
	struct statvfs s;
	uint64_t least;

	if (fstatvfs(r->fd, &s))
		return errno;
	least = (uint64_t)s.f_blocks * s.f_frsize / LEFT_SHARE;
	if (least > LEFT_BYTES)
		least = LEFT_BYTES;
	return (uint64_t)s.f_bavail * s.f_frsize < least + n ? ENOSPC : 0;
}

static int write_sound(struct recording_file *r, const int16_t *block, size_t nsamples)
{
	size_t n = nsamples * sizeof(*block);
	int err;

	if (r->avi) {
		err = avi_sound(r->avi, block, nsamples);
		return err ? err : avi_keep(r->avi);
	}
	err = write_at(r->fd, block, n, WAV_HEAD_BYTES + r->nbytes);
	if (err)
		return err;
	r->nbytes += n;
	return write_head(r); /* after a crash it is playable as far as it goes */
}

void tape_write(struct recording_file *r, int16_t *block, size_t nsamples)
{
	if (!r->err)
		r->err = check_room(r, nsamples * sizeof(*block));
	if (!r->err)
		r->err = write_sound(r, block, nsamples);
	mem_free(block);
}

static int write_picture(struct recording_file *r, const struct video_frame *frame)
{
	struct avi_picture pic = {.width = frame->width,
				  .height = frame->height,
				  .slot = frame->slot,
				  .is_key = frame->is_key,
				  .bytes = frame->bytes,
				  .n = frame->n};
	int err = check_room(r, frame->n);

	memcpy(pic.name, frame->codec == MEDIA_PICTURE_H264 ? "H264" : "VP80", sizeof(pic.name));
	return err ? err : avi_picture(r->avi, frame->track, &pic);
}

void tape_show(struct recording_file *r, struct video_frame *frames)
{
	for (const struct video_frame *f = frames; f && !r->err; f = f->next)
		r->err = write_picture(r, f);
	video_frames_free(frames);
}

/* link() and not rename(): what came there meanwhile is kept. */
static int give_name(const struct recording_file *r)
{
	if (link(r->part, r->path))
		return errno;
	return unlink(r->part) ? errno : 0;
}

static int end(struct recording_file *r)
{
	int err = r->avi ? avi_finish(r->avi) : write_head(r), named;

	if (!err && fsync(r->fd))
		err = errno;
	close(r->fd);
	named = give_name(r);
	return err ? err : named;
}

static void measure(const struct recording_file *r, struct files_done *d)
{
	d->nbytes = r->avi ? avi_bytes(r->avi) : r->nbytes;
	d->ms = r->avi ? avi_ms(r->avi)
		       : r->nbytes * 1000 / (2u * r->sound.channels * r->sound.rate_hz);
}

struct files_done tape_finish(struct recording_file *r, int why)
{
	struct files_done d = {.what = FILES_RECORDED,
			       .worker = r->ask.worker,
			       .session = r->ask.session,
			       .seq = r->ask.seq};
	int err = 0;

	/* One that could not even begin has nothing to end. */
	if (r->fd >= 0 && (r->avi || !r->sound.has_pictures))
		err = end(r);
	else if (r->fd >= 0 && !close(r->fd))
		(void)unlink(r->part);
	d.err = r->err ? r->err : err ? err : why;
	if (d.err) {
		metric_add(METRIC_RECORDINGS_CUT, 1);
		log_warn(NULL, LOGID_MEDIA, "the recording %s is not whole: %s", r->path,
			 strerror(d.err));
	}
	measure(r, &d);
	avi_free(r->avi);
	mem_free(r); /* before it is told, so that who is told finds nothing of it left */
	return d;
}
