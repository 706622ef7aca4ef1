/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TEN-4 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "schema/testing.h"
#include "schema/picture.h"

#define BYTES(text) ((struct str){(text), sizeof(text) - 1})

static const struct {
	struct str bytes;
	const char *type;
} pictures[] = {
	{BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\1\x2c\0\0\0\x64\x08\6\0\0\0\1\2\3\4"),
	 "image/png"},
	{BYTES("GIF89a\x2c\1\x64\0\x80\0\0"), "image/gif"},
	{BYTES("\xff\xd8\xff\xe0\0\4xx\xff\xff\xc2\0\x0b\x08\0\x64\1\x2c\1\1\x11\0"), "image/jpeg"},
};

static void pictures_tell_their_kind_and_size(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(pictures); i++) {
		struct picture p = {0};

		assert_int_equal(picture_read(&p, pictures[i].bytes), 0);
		assert_string_equal(p.type, pictures[i].type);
		assert_int_equal(p.width, 300);
		assert_int_equal(p.height, 100);
	}
}

/* Each beginning of one lies in memory of its own, so that a read beyond it is seen. */
static void what_is_cut_off_is_none(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(pictures); i++)
		for (size_t n = 0; n < pictures[i].bytes.n; n++) {
			char *copy = malloc(n ? n : 1);
			struct picture p = {0};
			int err;

			memcpy(copy, pictures[i].bytes.p, n);
			err = picture_read(&p, (struct str){copy, n});
			if (err)
				assert_int_equal(err, EBADMSG);
			else
				assert_true(p.width == 300 && p.height == 100);
			free(copy);
		}
}

static void other_things_are_none(void **state)
{
	static const struct str none[] = {
		BYTES("<svg xmlns='http://www.w3.org/2000/svg'/>"),
		BYTES("<html>"),
		BYTES(""),
		BYTES("RIFF\0\0\0\0WEBPVP8 "),
		BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIDAT\0\0\1\x2c\0\0\0\x64\x08\6\0\0\0\1\2\3\4"),
		BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\0\0\0\0\x64\x08\6\0\0\0\1\2\3\4"),
		BYTES("\xff\xd8\xff\xda\0\x0b\x08\0\x64\1\x2c\1\1\x11\0\0\0"),
		BYTES("\xff\xd8\xff\xe0\0\0\xff\xc0\0\x0b\x08\0\x64\1\x2c\1\1\x11\0"),
	};

	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		struct picture p = {0};

		assert_int_equal(picture_read(&p, none[i]), EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_tell_their_kind_and_size),
		cmocka_unit_test(what_is_cut_off_is_none),
		cmocka_unit_test(other_things_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
