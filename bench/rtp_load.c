/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Places N calls through a server (or takes a bare relay), runs 20 ms G.711 on both legs of each, and measures in the
 * steady window: the server's CPU per relayed packet, packets lost, one-way latency, memory.
 *
 * A relay:  rtp_load --calls N --relay IP --ports FILE --pid PID [--seconds S]
 * A server: rtp_load --calls N --server IP:PORT [--domain D] --from USER[:PASSWORD] --to NUMBER
 *                    [--callee USER:PASSWORD] --pid PID[,PID…] [--cps N] [--seconds S]
 *                    [--conference TALKERS]  every call is a member of one room there, and so many of them speak
                    [--what NAME]           of bench.h: what is sent, where it is more than relayed; then it is counted
 * Both:     --peers IPA,IPB   the caller's and the callee's address; RTP on port 20000 + 2k, SIP on 5080 and 5060
 *
 * `drops` is what the kernel has thrown away at sockets of the addresses in use (last column of /proc/net/udp); `busy` the share
 * of one CPU that the generator itself has needed.
 *
 * CPU is utime + stime of the processes and all their descendants, which the scheduler counts exactly (in 10 ms).  The last line is
 * JSON; the exit code is 1 when a call failed, a leg sends straight to the other end past the server, or packets were lost
 * beyond --max-loss (share, default 0.001).
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "bench/load.h"

enum { MAX_PIDS = 256, SETTLE_S = 2 };

struct args {
	size_t ncalls;
	unsigned seconds, cps;
	double max_loss;
	char *relay, *ports, *server, *peers, *talkers;
	enum bench_what what;
	struct sip_conf sip;
	long pids[MAX_PIDS];
	size_t npids;
};

struct run {
	struct args args;
	struct load load;
	struct sip *sip;
	unsigned tick;
	uint64_t next_ns;
};

static char *after(char *text, char sep)
{
	char *p = strchr(text, sep);

	if (!p)
		return NULL;
	*p = '\0';
	return p + 1;
}

static void read_pids(struct args *a, char *list)
{
	while (list && a->npids < MAX_PIDS) {
		char *next = after(list, ',');

		a->pids[a->npids++] = strtol(list, NULL, 10);
		list = next;
	}
}

static bool read_arg(struct args *a, const char *name, char *value)
{
	if (!strcmp(name, "--calls"))
		a->ncalls = strtoul(value, NULL, 10);
	else if (!strcmp(name, "--seconds"))
		a->seconds = (unsigned)strtoul(value, NULL, 10);
	else if (!strcmp(name, "--cps"))
		a->cps = (unsigned)strtoul(value, NULL, 10);
	else if (!strcmp(name, "--max-loss"))
		a->max_loss = strtod(value, NULL);
	else if (!strcmp(name, "--relay"))
		a->relay = value;
	else if (!strcmp(name, "--ports"))
		a->ports = value;
	else if (!strcmp(name, "--server"))
		a->server = value;
	else if (!strcmp(name, "--peers"))
		a->peers = value;
	else if (!strcmp(name, "--domain"))
		a->sip.domain = value;
	else if (!strcmp(name, "--to"))
		a->sip.to = value;
	else if (!strcmp(name, "--from"))
		a->sip.from = value;
	else if (!strcmp(name, "--callee"))
		a->sip.callee = value;
	else if (!strcmp(name, "--conference"))
		a->talkers = value;
	else if (!strcmp(name, "--what"))
		a->what = bench_what_of(value);
	else if (!strcmp(name, "--pid"))
		read_pids(a, value);
	else
		return false;
	return true;
}

static struct args read_args(int argc, char **argv)
{
	struct args a = {.ncalls = 100, .seconds = 10, .cps = 50, .max_loss = 0.001};
	bool is_fine = argc & 1;

	for (int i = 1; is_fine && i + 1 < argc; i += 2)
		is_fine = read_arg(&a, argv[i], argv[i + 1]);
	if (!is_fine || !a.relay == !a.server || (a.relay && !a.ports) ||
	    (a.server && (!a.sip.from || !a.sip.to))) {
		errno = EINVAL;
		bench_fail("see the head of rtp_load.c");
	}
	a.sip.ip_a = a.peers ? a.peers : "127.20.0.1";
	a.sip.ip_b = a.peers ? after(a.peers, ',') : "127.20.0.2";
	if (a.server) {
		char *port = after(a.server, ':');

		a.sip.server =
			bench_addr(a.server, port ? (uint16_t)strtoul(port, NULL, 10) : 5060);
		if (!a.sip.domain)
			a.sip.domain = a.server;
		a.sip.from_password = after((char *)a.sip.from, ':');
		if (a.sip.callee)
			a.sip.callee_password = after((char *)a.sip.callee, ':');
	}
	return a;
}

static bool parent_of(long pid, long *parent)
{
	char path[64], text[1024], *p;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')');
	return p && sscanf(p + 2, "%*c %ld", parent) == 1;
}

static bool has_pid(const struct args *a, long pid)
{
	for (size_t i = 0; i < a->npids; i++)
		if (a->pids[i] == pid)
			return true;
	return false;
}

static void add_descendants(struct args *a)
{
	size_t before;

	do {
		DIR *d = opendir("/proc");
		struct dirent *e;

		before = a->npids;
		while (d && (e = readdir(d))) {
			long pid = strtol(e->d_name, NULL, 10), parent;

			if (pid > 0 && a->npids < MAX_PIDS && !has_pid(a, pid) &&
			    parent_of(pid, &parent) && has_pid(a, parent))
				a->pids[a->npids++] = pid;
		}
		if (d)
			closedir(d);
	} while (a->npids > before);
}

/* To the nanosecond, with threads that have ended: what takes a tenth of a second is ten ticks of /proc/PID/stat. */
static double cpu_s(const struct args *a)
{
	struct timespec t;
	double sum = 0;
	clockid_t clock;

	for (size_t i = 0; i < a->npids; i++)
		if (!clock_getcpuclockid((pid_t)a->pids[i], &clock) && !clock_gettime(clock, &t))
			sum += (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	return sum;
}

static long resident_kb(const struct args *a)
{
	long sum = 0, kb;

	for (size_t i = 0; i < a->npids; i++) {
		char path[64], line[256];
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", a->pids[i]);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "Pss: %ld", &kb) == 1)
				sum += kb;
		if (f)
			fclose(f);
	}
	return sum;
}

static double own_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* At our sockets and the server's: the rest of the machine is left out. */
static uint64_t drops(const struct run *r)
{
	const struct args *a = &r->args;
	in_addr_t ours[3] = {
		bench_addr(a->sip.ip_a, 0).sin_addr.s_addr,
		bench_addr(a->sip.ip_b, 0).sin_addr.s_addr,
		a->relay ? bench_addr(a->relay, 0).sin_addr.s_addr : a->sip.server.sin_addr.s_addr,
	};
	FILE *f = fopen("/proc/net/udp", "r");
	uint64_t sum = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		const char *last = line + strlen(line);
		unsigned local;

		if (sscanf(line, " %*d: %8X:", &local) != 1)
			continue;
		while (last > line && (last[-1] == ' ' || last[-1] == '\n'))
			last--;
		while (last > line && last[-1] != ' ')
			last--;
		for (unsigned i = 0; i < 3; i++)
			if (local == ours[i])
				sum += strtoul(last, NULL, 10);
	}
	if (f)
		fclose(f);
	return sum;
}

/* One tick of 1 ms, on time; SIP is read in between. */
static void step(struct run *r)
{
	uint64_t now = load_now_ns();

	while (now < r->next_ns) {
		struct timespec left = {0, (long)(r->next_ns - now)};

		if (r->sip) {
			struct pollfd p[2] = {{.fd = sip_fd_a(r->sip), .events = POLLIN},
					      {.fd = sip_fd_b(r->sip), .events = POLLIN}};

			ppoll(p, 2, &left, NULL);
		} else {
			nanosleep(&left, NULL);
		}
		now = load_now_ns();
		if (r->sip)
			sip_poll(r->sip, now);
	}
	if (r->load.is_measuring && now - r->next_ns > 5 * LOAD_TICK_NS)
		r->load.late_ticks++;
	load_tick(&r->load, r->tick++);
	r->next_ns += LOAD_TICK_NS;
	/* What a phone would not do: send a fifth of a second at once.  The time is lost instead. */
	if (now > r->next_ns + 200 * LOAD_TICK_NS)
		r->next_ns = now;
}

static void run_for(struct run *r, double seconds)
{
	unsigned end = r->tick + (unsigned)(seconds * 1000);

	while (r->tick != end)
		step(r);
}

static void place_calls(struct run *r)
{
	size_t n = r->args.ncalls, started = 0;
	unsigned begun;

	if (r->args.sip.callee)
		sip_register(r->sip);
	for (int i = 0; i < 5000 && r->args.sip.callee && !sip_is_registered(r->sip); i++)
		step(r);
	if (r->args.sip.callee && !sip_is_registered(r->sip))
		bench_fail("%s did not register", r->args.sip.callee);
	begun = r->tick;
	while (sip_nup(r->sip) + sip_nfailed(r->sip) < n &&
	       r->tick - begun < 30000 + 1000 * n / r->args.cps) {
		while (started < n && (size_t)(r->tick - begun) * r->args.cps / 1000 >= started)
			sip_call(r->sip, started++);
		step(r);
	}
}

static void end_calls(struct run *r)
{
	unsigned begun = r->tick;

	for (size_t k = 0; k < r->args.ncalls; k++) {
		sip_hang_up(r->sip, k);
		run_for(r, 1.0 / r->args.cps);
	}
	while (sip_nended(r->sip) < sip_nup(r->sip) && r->tick - begun < 15000)
		step(r);
}

/* Legs that send straight to the other end: the server is not in the path, so nothing of it is measured. */
static size_t ndirect(const struct run *r)
{
	in_addr_t a = bench_addr(r->args.sip.ip_a, 0).sin_addr.s_addr;
	in_addr_t b = bench_addr(r->args.sip.ip_b, 0).sin_addr.s_addr;
	size_t n = 0;

	for (size_t i = 0; i < 2 * r->args.ncalls; i++) {
		const struct load_leg *leg = &r->load.legs[i];

		n += leg->is_up && (leg->to.sin_addr.s_addr == a || leg->to.sin_addr.s_addr == b);
	}
	return n;
}

struct told {
	double cpu_s, own_s;
	uint64_t drops;
	long kb_before, kb_after;
};

static int tell(struct run *r, const struct told *t)
{
	size_t nup = r->sip ? sip_nup(r->sip) : r->args.ncalls, direct = ndirect(r);
	uint64_t tx = 0, rx = 0;
	double loss;

	for (size_t i = 0; i < 2 * r->args.ncalls; i++) {
		tx += r->load.legs[i].tx;
		rx += r->load.legs[i].rx;
	}
	loss = tx ? ((double)tx - (double)rx) / (double)tx : 1;
	printf("{\"calls\":%zu,\"up\":%zu,\"direct\":%zu,\"seconds\":%u,\"sent\":%lu,\"received\":%"
	       "lu,\"loss\":%."
	       "6f,\"cpu_s\":%.4f,"
	       "\"cpu_us_per_packet\":%.3f,\"latency_us\":{\"p50\":%.0f,\"p99\":%.0f,\"p999\":%.0f}"
	       ","
	       "\"late_ticks\":%lu,\"kb_per_call\":%.1f,\"drops\":%lu,\"busy\":%.3f}\n",
	       r->args.ncalls, nup, direct, r->args.seconds, tx, rx, loss, t->cpu_s,
	       rx ? 1e6 * t->cpu_s / (double)rx : 0, load_percentile_us(&r->load, 0.5),
	       load_percentile_us(&r->load, 0.99), load_percentile_us(&r->load, 0.999),
	       r->load.late_ticks, nup ? (double)(t->kb_after - t->kb_before) / (double)nup : 0,
	       t->drops, t->own_s / r->args.seconds);
	return nup == r->args.ncalls && !direct && loss <= r->args.max_loss ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct run r;
	struct told t;
	int rc;

	r.args = read_args(argc, argv);
	bench_descriptors();
	add_descendants(&r.args);
	load_open(&r.load, r.args.ncalls, r.args.sip.ip_a, r.args.sip.ip_b);
	r.load.is_conference = r.args.talkers != NULL;
	r.load.what = r.args.what;
	r.load.ntalkers = r.args.talkers ? strtoul(r.args.talkers, NULL, 10) : 0;
	t.kb_before = resident_kb(&r.args);
	r.load.is_sending = true;
	r.next_ns = load_now_ns();
	if (r.args.relay) {
		load_ports(&r.load, r.args.relay, r.args.ports);
	} else {
		r.sip = sip_open(&r.args.sip, &r.load);
		place_calls(&r);
	}
	run_for(&r, SETTLE_S);
	t = (struct told){.kb_before = t.kb_before,
			  .cpu_s = -cpu_s(&r.args),
			  .own_s = -own_s(),
			  .drops = -drops(&r)};
	r.load.since_ns = load_now_ns();
	r.load.is_measuring = true;
	run_for(&r, r.args.seconds);
	t.cpu_s += cpu_s(&r.args);
	t.own_s += own_s();
	t.kb_after = resident_kb(&r.args);
	r.load.is_sending = r.load.is_measuring = false;
	run_for(&r, 0.5); /* the last ones are still under way */
	t.drops += drops(&r);
	rc = tell(&r, &t);
	if (r.sip)
		end_calls(&r);
	return rc;
}
