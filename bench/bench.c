/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "bench/bench.h"

const uint8_t bench_key[30] = {1, 2, 3, 4, 5, 6, 7, 8};

enum bench_what bench_what_of(const char *name)
{
	static const char *const names[] = {"relay", "srtp", "pcma", "g722", "opus"};

	for (unsigned i = 0; i < BENCH_COUNT; i++)
		if (!strcmp(name, names[i]))
			return (enum bench_what)i;
	errno = EINVAL;
	bench_fail("%s", name);
}

uint8_t bench_pt(enum bench_what what)
{
	static const uint8_t pts[BENCH_COUNT] = {
		[BENCH_PCMA] = 8, [BENCH_G722] = 9, [BENCH_OPUS] = 96};

	return pts[what];
}

void bench_fail(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(err));
	exit(1);
}

struct sockaddr_in bench_addr(const char *ip, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
		errno = EINVAL;
		bench_fail("%s", ip);
	}
	return a;
}

void bench_descriptors(void)
{
	struct rlimit rl;

	if (!getrlimit(RLIMIT_NOFILE, &rl)) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

struct relay_args relay_args_read(int argc, char **argv)
{
	struct relay_args a = {.ncalls = 100, .local = "127.20.0.10", .ports = "ports"};
	const char *peers = "127.20.0.1,127.20.0.2";
	size_t n;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--calls"))
			a.ncalls = strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--threads"))
			a.nthreads = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (!strcmp(argv[i], "--local"))
			a.local = argv[i + 1];
		else if (!strcmp(argv[i], "--peers"))
			peers = argv[i + 1];
		else if (!strcmp(argv[i], "--ports"))
			a.ports = argv[i + 1];
		else if (!strcmp(argv[i], "--what"))
			a.what = bench_what_of(argv[i + 1]);
		else
			argc = 0;
	}
	n = strcspn(peers, ",");
	if (!(argc & 1) || !peers[n]) {
		errno = EINVAL;
		bench_fail("--calls N --local IP --peers IPA,IPB --ports FILE [--threads N] "
			   "[--what NAME]");
	}
	a.peer_a = strndup(peers, n);
	a.peer_b = strdup(peers + n + 1);
	bench_descriptors();
	return a;
}

static void aside(const struct relay_args *args, char name[512])
{
	snprintf(name, 512, "%s.new", args->ports);
}

FILE *bench_ports_begin(const struct relay_args *args)
{
	char name[512];
	FILE *f;

	aside(args, name);
	f = fopen(name, "w");
	if (!f)
		bench_fail("%s", name);
	return f;
}

void bench_ports_end(const struct relay_args *args, FILE *f)
{
	char name[512];

	aside(args, name);
	if (fclose(f) || rename(name, args->ports))
		bench_fail("%s", args->ports);
}
