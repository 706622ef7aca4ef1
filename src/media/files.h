/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file thread: reads what is played, writes what is recorded (tape.h).  Media threads ask and never wait.
 *
 * The last twentieth of a disk, 64 MB at most, is left to what is more important than recordings: they end before.
 *
 * Thread     files_load, files_record, files_write, files_show, files_finish: media threads.  files_start, files_stop: core
 * Ownership  a clip is shared: clip_drop() gives one hold back (NULL allowed).  Blocks and frames given are the thread's
 * Errors     ENOBUFS: too much is waiting (a slow disk): a load is refused, a recording ends with what it has
 *            Outcomes come as struct files_done to the handler, on the file thread: ENOENT, EACCES, EINVAL (no WAV that we play; `why`),
 *            EFBIG, ENOSPC, EEXIST …
 */
#ifndef MEDIA_FILES_H
#define MEDIA_FILES_H

#include <stdatomic.h>
#include "base/ids.h"
#include "base/str.h"

enum { FILES_MAX_PATH = 512, FILES_MAX_CLIP_BYTES = 64 << 20, FILES_MAX_LIST = 64 };

struct clip { /* a sound in memory */
	_Atomic unsigned holds;
	uint32_t rate_hz;
	size_t n;
	int16_t pcm[];
};
void clip_drop(struct clip *c);

struct clip_list { /* to be played one after the other */
	size_t n;
	struct clip *clips[FILES_MAX_LIST];
};
struct clip_list *clip_list_free(struct clip_list *l); /* NULL allowed */

struct path_list { /* what to play: owned by the command that carries it */
	size_t n;
	char paths[][FILES_MAX_PATH];
};
struct path_list *
path_list_make(size_t n) MUST_USE; /* paths are for the caller to fill; NULL: no memory */

enum files_what { FILES_LOADED, FILES_RECORDED };
struct files_done {
	enum files_what what;
	unsigned worker; /* who asked */
	oid session;
	uint32_t seq; /* of the command */
	int err;
	struct clip_list *list; /* LOADED: for whom it concerns */
	uint64_t nbytes, ms;	/* RECORDED */
};
/* False: there is no room just now; it is called again a moment later. */
typedef bool files_done_h(const struct files_done *done, void *arg);

struct files;
int files_start(struct files **fp, files_done_h *fn, void *arg) MUST_USE;
struct files *files_stop(struct files *f); /* what is being recorded is finished first */

struct files_ask {
	unsigned worker;
	oid session;
	uint32_t seq;
};
/* All at rate_hz; the list of paths is the thread's from now on, unless this fails. */
int files_load(struct files *f, const struct files_ask *ask, struct path_list *paths,
	       uint32_t rate_hz) MUST_USE;

struct files_sound { /* of a recording */
	uint32_t rate_hz;
	uint16_t channels;
	bool has_pictures; /* an AVI, else a WAV */
	bool makes_folder; /* that of its path */
};
struct recording_file;
struct video_frame;
/* *rp is the name of what is being written for files_write and files_finish; `path` is copied. */
int files_record(struct files *f, const struct files_ask *ask, const char *path,
		 const struct files_sound *sound, struct recording_file **rp) MUST_USE;
int files_write(struct files *f, struct recording_file *r, int16_t *block,
		size_t nsamples) MUST_USE;
/* The pictures of that time, before its block. */
int files_show(struct files *f, struct recording_file *r, struct video_frame *frames) MUST_USE;
/* Removes a file, after all that was asked for before; takes the list. */
void files_remove(struct files *f, struct path_list *path);
bool files_has_failed(const struct recording_file *r); /* nothing more is written: finish it */
/* r is not to be used any more; why: it ends early, if nothing else has failed. */
void files_finish(struct files *f, struct recording_file *r, int why);

#endif
