/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gives every file of the folders named to a fuzz target: each whole, and cut at a few places.
 * Files are copied to blocks of their exact size, so that the address sanitizer sees one byte too many.
 */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include "fuzz.h"

static void give(const uint8_t *p, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);

	if (!exact)
		abort();
	memcpy(exact, p, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

static void replay_file(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		exit(1);
	}
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	give(bytes, n);
	for (size_t i = 1; i < 8; i++)
		give(bytes, n * i / 8);
}

static size_t replay_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t files = 0;

	if (!dir) {
		perror(path);
		exit(1);
	}
	while ((entry = readdir(dir))) {
		char name[1024];
		struct stat st;

		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (stat(name, &st) || !S_ISREG(st.st_mode))
			continue;
		replay_file(name);
		files++;
	}
	closedir(dir);
	return files;
}

int main(int argc, char **argv)
{
	size_t files = 0;

	for (int i = 1; i < argc; i++)
		files += replay_folder(argv[i]);
	printf("%zu files\n", files);
	return files ? 0 : 1; /* an empty corpus tests nothing */
}
