/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of one recording: a WAV, or with pictures an AVI.
 *
 * It is written under its name and ".part", kept true, and given its name when it is whole or when the disk is full.  What was there
 * under that name is not overwritten.
 *
 * Thread     file; tape_make: any.  `err` is read by others
 * Ownership  blocks and frames given are freed
 * Errors     in `err`: the first that happened, after which nothing is written
 */
#ifndef MEDIA_TAPE_H
#define MEDIA_TAPE_H

#include "media/files.h"
#include "media/video.h"

struct avi;
struct recording_file {
	struct files_ask ask;
	char path[FILES_MAX_PATH], part[FILES_MAX_PATH + 8];
	struct files_sound sound;
	int fd; /* -1: not open */
	_Atomic int err;
	uint64_t nbytes;
	struct avi *avi; /* NULL: a WAV */
};

int tape_make(struct recording_file **rp, const struct files_ask *ask, const char *path,
	      const struct files_sound *sound) MUST_USE;
void tape_open(struct recording_file *r);
void tape_write(struct recording_file *r, int16_t *block, size_t nsamples);
void tape_show(struct recording_file *r, struct video_frame *frames);
/* It is over, and freed; what is to be told of it. */
struct files_done tape_finish(struct recording_file *r, int why);

#endif
