/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audio/wav.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/ring.h"
#include "base/thread.h"
#include "media/files.h"
#include "media/media.h"
#include "media/tape.h"

enum { ASKED_SLOTS = 4096, ASKED_MAX = 3500, AGAIN_MS = 5 };

enum asked_what {
	ASKED_LOAD,
	ASKED_OPEN,
	ASKED_BLOCK,
	ASKED_SHOW,
	ASKED_FINISH,
	ASKED_REMOVE,
	ASKED_STOP
};

struct asked {
	enum asked_what what;
	struct files_ask ask;
	struct path_list *paths;
	uint32_t rate_hz;
	struct recording_file *file;
	int16_t *block;
	size_t nsamples;
	struct video_frame *frames;
	int why;
};

struct files {
	struct thread *thread;
	struct ring *ring;
	_Atomic unsigned nwaiting;
	files_done_h *fn;
	void *arg;
};

void clip_drop(struct clip *c)
{
	if (c && atomic_fetch_sub(&c->holds, 1) == 1)
		mem_free(c);
}

struct clip_list *clip_list_free(struct clip_list *l)
{
	for (size_t i = 0; l && i < l->n; i++)
		clip_drop(l->clips[i]);
	return mem_free(l);
}

struct path_list *path_list_make(size_t n)
{
	struct path_list *l;

	BUG(n > FILES_MAX_LIST);
	l = mem_alloc(sizeof(*l) + n * FILES_MAX_PATH);
	if (l)
		l->n = n;
	return l;
}

void media_cmd_drop(const struct media_cmd *cmd)
{
	if (cmd->type == MEDIA_PLAY)
		mem_free(cmd->u.play.paths);
	else if (cmd->type == MEDIA_RECORD)
		mem_free(cmd->u.record.path);
}

/* --- media threads ---------------------------------------------------------------------------------------------------- */

static int ask(struct files *f, const struct asked *a)
{
	/* What ends something must get through: the slots above the limit are for it. */
	bool may_refuse = a->what < ASKED_FINISH;

	if (atomic_fetch_add(&f->nwaiting, 1) >= ASKED_MAX && may_refuse) {
		atomic_fetch_sub(&f->nwaiting, 1);
		return ENOBUFS;
	}
	if (!ring_push(f->ring, a))
		return 0;
	atomic_fetch_sub(&f->nwaiting, 1);
	return ENOBUFS;
}

int files_load(struct files *f, const struct files_ask *who, struct path_list *paths,
	       uint32_t rate_hz)
{
	return ask(f, &(struct asked){
			      .what = ASKED_LOAD, .ask = *who, .paths = paths, .rate_hz = rate_hz});
}

int files_record(struct files *f, const struct files_ask *who, const char *path,
		 const struct files_sound *sound, struct recording_file **rp)
{
	struct recording_file *r;
	int err = tape_make(&r, who, path, sound);

	if (err)
		return err;
	err = ask(f, &(struct asked){.what = ASKED_OPEN, .file = r});
	if (err)
		mem_free(r);
	else
		*rp = r;
	return err;
}

int files_write(struct files *f, struct recording_file *r, int16_t *block, size_t nsamples)
{
	struct asked a = {.what = ASKED_BLOCK, .file = r, .block = block, .nsamples = nsamples};
	int err = ask(f, &a);

	if (err)
		mem_free(block);
	return err;
}

int files_show(struct files *f, struct recording_file *r, struct video_frame *frames)
{
	int err = ask(f, &(struct asked){.what = ASKED_SHOW, .file = r, .frames = frames});

	if (err)
		video_frames_free(frames);
	return err;
}

bool files_has_failed(const struct recording_file *r)
{
	return atomic_load(&r->err) != 0;
}

void files_finish(struct files *f, struct recording_file *r, int why)
{
	int err = ask(f, &(struct asked){.what = ASKED_FINISH, .file = r, .why = why});

	BUG(err);
}

void files_remove(struct files *f, struct path_list *path)
{
	int err = ask(f, &(struct asked){.what = ASKED_REMOVE, .paths = path});

	BUG(err);
}

/* --- the file thread -------------------------------------------------------------------------------------------------- */

static void done(struct files *f, const struct files_done *d)
{
	while (!f->fn(d, f->arg))
		poll(NULL, 0, AGAIN_MS);
}

static void remove_file(const struct asked *a)
{
	const char *path = a->paths->paths[0];

	if (unlink(path) && errno != ENOENT)
		log_warn(NULL, LOGID_MEDIA, "%s cannot be removed: %s", path, strerror(errno));
	mem_free(a->paths);
}

static int read_whole(const char *path, char **bytesp, size_t *np)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), err = 0;
	char *bytes = NULL;
	size_t n = 0;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st))
		err = errno;
	else if (!S_ISREG(st.st_mode))
		err = EINVAL;
	else if (st.st_size > FILES_MAX_CLIP_BYTES)
		err = EFBIG;
	if (!err) {
		bytes = mem_alloc((size_t)st.st_size + 1);
		err = bytes ? 0 : ENOMEM;
	}
	while (!err && n < (size_t)st.st_size) {
		ssize_t got = read(fd, bytes + n, (size_t)st.st_size - n);

		if (got > 0)
			n += (size_t)got;
		else if (!got)
			break;
		else if (errno != EINTR)
			err = errno;
	}
	close(fd);
	if (err)
		mem_free(bytes);
	else
		*bytesp = bytes, *np = n;
	return err;
}

static int make_clip(struct clip **cp, const char *path, uint32_t rate_hz)
{
	int16_t *pcm = NULL;
	char *bytes = NULL;
	const char *why = NULL;
	struct wav w;
	size_t n = 0;
	int err = read_whole(path, &bytes, &n);

	if (!err)
		err = wav_read(&w, (struct str){bytes, n}, &why);
	if (why)
		log_warn(NULL, LOGID_MEDIA, "%s cannot be played: %s", path, why);
	if (!err)
		err = wav_samples(&w, rate_hz, &pcm, &n);
	mem_free(bytes);
	if (err && !why)
		log_warn(NULL, LOGID_MEDIA, "%s cannot be played: %s", path, strerror(err));
	if (err)
		return err;
	*cp = mem_alloc(sizeof(**cp) + n * sizeof(*pcm));
	if (*cp) {
		atomic_init(&(*cp)->holds, 1);
		(*cp)->rate_hz = rate_hz;
		(*cp)->n = n;
		memcpy((*cp)->pcm, pcm, n * sizeof(*pcm));
	}
	mem_free(pcm);
	return *cp ? 0 : ENOMEM;
}

static void load(struct files *f, const struct asked *a)
{
	struct files_done d = {.what = FILES_LOADED,
			       .worker = a->ask.worker,
			       .session = a->ask.session,
			       .seq = a->ask.seq};
	struct clip_list *l = mem_alloc(sizeof(*l));

	d.err = l ? 0 : ENOMEM;
	for (size_t i = 0; !d.err && i < a->paths->n; i++) {
		d.err = make_clip(&l->clips[i], a->paths->paths[i], a->rate_hz);
		l->n += !d.err;
	}
	if (d.err)
		clip_list_free(l);
	else
		d.list = l;
	mem_free(a->paths);
	done(f, &d);
}

static void finish(struct files *f, const struct asked *a)
{
	struct files_done d = tape_finish(a->file, a->why);

	done(f, &d);
}

/* False: stop. */
static bool serve(struct files *f, const struct asked *a)
{
	atomic_fetch_sub(&f->nwaiting, 1);
	switch (a->what) {
	case ASKED_LOAD:
		load(f, a);
		break;
	case ASKED_OPEN:
		tape_open(a->file);
		break;
	case ASKED_BLOCK:
		tape_write(a->file, a->block, a->nsamples);
		break;
	case ASKED_SHOW:
		tape_show(a->file, a->frames);
		break;
	case ASKED_FINISH:
		finish(f, a);
		break;
	case ASKED_REMOVE:
		remove_file(a);
		break;
	case ASKED_STOP:
		return false;
	}
	return true;
}

static void run(void *arg)
{
	struct files *f = arg;
	struct pollfd pfd = {.fd = ring_fd(f->ring), .events = POLLIN};
	struct asked a;

	for (;;) {
		while (ring_pop(f->ring, &a))
			if (!serve(f, &a))
				return;
		poll(&pfd, 1, -1);
		ring_woken(f->ring);
	}
}

int files_start(struct files **fp, files_done_h *fn, void *arg)
{
	struct files *f = mem_alloc(sizeof(*f));
	int err;

	if (!f)
		return ENOMEM;
	f->fn = fn;
	f->arg = arg;
	err = ring_alloc(&f->ring, ASKED_SLOTS, sizeof(struct asked));
	if (!err)
		err = thread_start(&f->thread, "files", THREAD_FILE, run, f);
	if (err)
		files_stop(f);
	else
		*fp = f;
	return err;
}

struct files *files_stop(struct files *f)
{
	if (!f)
		return NULL;
	if (f->thread) {
		int err = ask(f, &(struct asked){.what = ASKED_STOP});

		BUG(err);
		thread_join(f->thread);
	}
	ring_free(f->ring);
	return mem_free(f);
}
