/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recordings by themselves, frame by frame as fast as the file thread takes them: hours, quotas, and a disk that fills up, which is a
 * small one in a mount namespace of this test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audio/wav.h"
#include "base/mem.h"
#include "base/thread.h"
#include "media/recording.h"
#include "media/video.h"
#include "media/voice.h"

enum { NARROW_HZ = 8000, FRAME = NARROW_HZ / 50, SECOND_BYTES = 2 * NARROW_HZ, WAIT_MS = 20000 };

static struct files *files;
static struct files_done last;
static _Atomic bool is_done;
static char folder[] = "/tmp/offhook-recording-XXXXXX", path[64];

static bool on_done(const struct files_done *done, void *arg)
{
	last = *done;
	atomic_store(&is_done, true);
	return true;
}

static int setup(void **state)
{
	thread_become(THREAD_CORE);
	atomic_store(&is_done, false);
	snprintf(path, sizeof(path), "%s/one.wav", folder);
	return files_start(&files, on_done, NULL);
}

static int teardown(void **state)
{
	files = files_stop(files);
	unlink(path);
	return 0;
}

static struct recording *begin(struct recording_plan plan)
{
	struct files_ask ask = {0, 1, 7};
	struct recording *r = NULL;

	plan.path = path;
	plan.rate_hz = NARROW_HZ;
	assert_int_equal(recording_make(&r, files, &ask, &plan), 0);
	return r;
}

static bool add(struct recording *r, int16_t value)
{
	int16_t pcm[FRAME];
	struct recording_frame said = {pcm, NARROW_HZ}, nothing = {NULL, NARROW_HZ};

	for (size_t i = 0; i < FRAME; i++)
		pcm[i] = value;
	return recording_add(r, &said, &nothing);
}

static off_t size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) ? 0 : st.st_size;
}

/* So much of it is on the disk: recordings never wait, so whoever makes one faster than time passes must. */
static void wait_for(off_t nbytes)
{
	char part[80];

	snprintf(part, sizeof(part), "%s.part", path);
	for (int ms = 0; size_of(part) < nbytes; ms++) {
		assert_true(ms < WAIT_MS);
		poll(NULL, 0, 1);
	}
}

static void end(struct recording *r)
{
	recording_end(r);
	for (int ms = 0; !atomic_load(&is_done); ms++) {
		assert_true(ms < WAIT_MS);
		poll(NULL, 0, 1);
	}
	assert_int_equal(last.what, FILES_RECORDED);
	assert_int_equal(last.seq, 7);
}

static int16_t sample_at(uint64_t second)
{
	FILE *f = fopen(path, "r");
	int16_t x = 0;

	assert_non_null(f);
	assert_int_equal(fseek(f, (long)(WAV_HEAD_BYTES + second * SECOND_BYTES), SEEK_SET), 0);
	assert_int_equal(fread(&x, sizeof(x), 1, f), 1);
	fclose(f);
	return x;
}

/* Each second has a loudness of its own, so that what is lost, doubled or out of order shows; memory stays what it is. */
static void three_hours_are_whole(void **state)
{
	struct recording *r = begin((struct recording_plan){0});
	uint64_t most = 0, before = mem_bytes();
	enum { SECONDS = 3 * 3600 };

	for (unsigned second = 0; second < SECONDS; second++) {
		for (unsigned i = 0; i < 50; i++)
			assert_true(add(r, (int16_t)second));
		if (second % 500 == 499) {
			most = mem_bytes() - before > most ? mem_bytes() - before : most;
			wait_for((off_t)(second + 1) * SECOND_BYTES);
		}
	}
	end(r);
	assert_int_equal(last.err, 0);
	assert_int_equal(last.ms, SECONDS * 1000ull);
	assert_int_equal(size_of(path), WAV_HEAD_BYTES + (off_t)SECONDS * SECOND_BYTES);
	for (unsigned second = 0; second < SECONDS; second += 7)
		assert_int_equal(sample_at(second), (int16_t)second);
	assert_true(most <= 502ull * (SECOND_BYTES + 1000));
}

static void what_is_left_out_is_not_there(void **state)
{
	struct recording *r = begin((struct recording_plan){0});

	for (unsigned i = 0; i < 150; i++) {
		recording_hold(r, i / 50 == 1);
		assert_true(add(r, (int16_t)(1 + i / 50)));
	}
	end(r);
	assert_int_equal(last.ms, 2000);
	assert_int_equal(sample_at(0), 1);
	assert_int_equal(sample_at(1), 3);
}

/* To the byte, and it says why. */
static void a_quota_ends_it(void **state)
{
	enum { QUOTA = 2 * SECOND_BYTES + 1000 };
	struct recording *r = begin((struct recording_plan){.most_bytes = QUOTA});
	unsigned n = 0;

	while (n < 500 && add(r, 5))
		n++;
	assert_in_range(n, 100, 150);
	end(r);
	assert_int_equal(last.err, EDQUOT);
	assert_int_equal(last.nbytes, QUOTA);
	assert_int_equal(size_of(path), WAV_HEAD_BYTES + QUOTA);
}

static void a_quota_holds_for_the_last_second_too(void **state)
{
	struct recording *r = begin((struct recording_plan){.most_bytes = 5000});

	for (unsigned i = 0; i < 20; i++)
		assert_true(add(r, 5)); /* less than a block */
	end(r);
	assert_int_equal(last.err, EDQUOT);
	assert_int_equal(last.nbytes, 5000);
}

static void a_quota_that_is_not_reached_says_nothing(void **state)
{
	struct recording *r = begin((struct recording_plan){.most_bytes = SECOND_BYTES});

	for (unsigned i = 0; i < 50; i++)
		assert_true(add(r, 5));
	end(r);
	assert_int_equal(last.err, 0);
	assert_int_equal(last.nbytes, SECOND_BYTES);
}

/* --- with pictures ----------------------------------------------------------------------------------------------------- */

enum { PICTURE_BYTES = 1000, PICTURE_EACH = 4 }; /* frames of sound for each */

/* A frame of sound, and each fourth time a picture. */
static bool film(struct recording *r, unsigned i)
{
	struct video_frame *f;

	if (!add(r, 5))
		return false;
	if (i % PICTURE_EACH)
		return true;
	f = mem_alloc(sizeof(*f) + PICTURE_BYTES);
	assert_non_null(f);
	f->codec = MEDIA_PICTURE_VP8;
	f->is_key = i == 0;
	f->ts = i * VOICE_FRAME_MS * 90;
	f->n = PICTURE_BYTES;
	return recording_show(r, 0, f, 0);
}

/* Its first RIFF is as long as its head says. */
static void avi_is_whole(void)
{
	FILE *f = fopen(path, "r");
	uint8_t head[8];

	assert_non_null(f);
	assert_int_equal(fread(head, 1, sizeof(head), f), sizeof(head));
	fclose(f);
	assert_memory_equal(head, "RIFF", 4);
	assert_int_equal(8 + (head[4] | head[5] << 8 | head[6] << 16 | (uint32_t)head[7] << 24),
			 last.nbytes);
	assert_int_equal(size_of(path), last.nbytes);
}

static void pictures_are_kept_with_their_sound(void **state)
{
	struct recording *r = begin((struct recording_plan){.has_pictures = true});
	enum { SECONDS = 600 };

	for (unsigned i = 0; i < 50 * SECONDS; i++) {
		assert_true(film(r, i));
		if (i % 5000 == 4999)
			wait_for((off_t)i / 50 * SECOND_BYTES);
	}
	end(r);
	assert_int_equal(last.err, 0);
	assert_int_equal(last.ms, 1000 * SECONDS);
	assert_true(last.nbytes >
		    SECONDS * (SECOND_BYTES + 50 / PICTURE_EACH * (uint64_t)PICTURE_BYTES));
	avi_is_whole();
}

static void pictures_count_for_the_quota(void **state)
{
	enum { QUOTA = 200000 };
	struct recording *r =
		begin((struct recording_plan){.has_pictures = true, .most_bytes = QUOTA});
	unsigned n = 0;

	while (n < 5000 && film(r, n))
		n++;
	/* 28,500 bytes a second. */
	assert_in_range(n, 50 * 6, 50 * 8);
	end(r);
	assert_int_equal(last.err, EDQUOT);
	avi_is_whole();
}

static void pictures_end_with_the_room_on_the_disk(void)
{
	struct recording *r = begin((struct recording_plan){.has_pictures = true});
	bool goes_on = true;

	for (unsigned i = 0; goes_on; i++) {
		assert_true(i < 20000);
		goes_on = film(r, i);
		if (i % 50 == 0)
			poll(NULL, 0, 1);
	}
	end(r);
	assert_int_equal(last.err, ENOSPC);
	avi_is_whole();
}

/* It ends by itself, a playable file with all that fitted, and leaves what others need of the disk. */
static void a_full_disk_ends_it_with_what_fitted(void **state)
{
	enum { DISK = 1 << 20 };
	char options[32];
	struct recording *r;
	unsigned second = 0;

	files = files_stop(files); /* its thread is to see what is mounted */
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		assert_int_equal(
			errno,
			EINVAL); /* in a chroot: others may see what is mounted, until the end */
	snprintf(options, sizeof(options), "size=%d", DISK);
	assert_int_equal(mount("small", folder, "tmpfs", 0, options), 0);
	assert_int_equal(files_start(&files, on_done, NULL), 0);
	r = begin((struct recording_plan){0});
	for (bool goes_on = true; goes_on; second++) {
		assert_true(second < 200);
		for (unsigned i = 0; goes_on && i < 50; i++)
			goes_on = add(r, (int16_t)second);
		poll(NULL, 0, 1);
	}
	end(r);
	assert_int_equal(last.err, ENOSPC);
	assert_in_range(last.nbytes, DISK * 8 / 10, DISK - DISK / 20);
	assert_int_equal(size_of(path), WAV_HEAD_BYTES + (off_t)last.nbytes);
	for (unsigned i = 0; i < last.nbytes / SECOND_BYTES; i++)
		assert_int_equal(sample_at(i), i);
	/* There is room again: the next is whole. */
	unlink(path);
	atomic_store(&is_done, false);
	r = begin((struct recording_plan){0});
	for (unsigned i = 0; i < 100; i++)
		assert_true(add(r, 5));
	end(r);
	assert_int_equal(last.err, 0);
	unlink(path);
	atomic_store(&is_done, false);
	pictures_end_with_the_room_on_the_disk();
	unlink(path);
	files = files_stop(files);
	assert_int_equal(umount2(folder, MNT_DETACH), 0);
}

static void a_folder_that_is_not_there_is_told_and_ends_it(void **state)
{
	struct recording *r;
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/nowhere/one.wav", folder);
	r = begin((struct recording_plan){0});
	while (n < 100000 && add(r, 5))
		n++;
	assert_true(n < 100000);
	end(r);
	assert_int_equal(last.err, ENOENT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(three_hours_are_whole),
		T(what_is_left_out_is_not_there),
		T(a_quota_ends_it),
		T(a_quota_holds_for_the_last_second_too),
		T(a_quota_that_is_not_reached_says_nothing),
		T(a_folder_that_is_not_there_is_told_and_ends_it),
		T(pictures_are_kept_with_their_sound),
		T(pictures_count_for_the_quota),
		T(a_full_disk_ends_it_with_what_fitted),
	};
	int failed;

	if (!mkdtemp(folder))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return rmdir(folder) || failed;
}
