/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "main/config.h"

#include <getopt.h>
#include <ifaddrs.h>
#include <ini.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* One row per setting: its name is the option's, and the key's in the file. */
struct setting {
	const char *name;
	const char *argument; /* NULL: a switch */
	const char *help;
	int (*set)(struct config *c, struct str value);
};

/* Of Debian's asterisk-core-sounds-LANGUAGE-wav and asterisk-moh-opsound-wav, which need no Asterisk. */
#define SOUNDS_DIR "/usr/share/asterisk/sounds"
#define MUSIC_FILE "/usr/share/asterisk/moh/macroform-cold_day.wav"

static int set_port(uint16_t *port, struct str value)
{
	uint32_t n;

	if (str_u32(value, &n) || n > 65535)
		return EINVAL;
	*port = (uint16_t)n;
	return 0;
}

static int set_demo(struct config *c, struct str value)
{
	c->is_demo = !str_ieq(value, STR("no"));
	return 0;
}

static int set_data(struct config *c, struct str value)
{
	return value.n ? str_copy(c->data_dir, sizeof(c->data_dir), value) : EINVAL;
}

static int set_database(struct config *c, struct str value)
{
	if (!str_starts(value, STR("sqlite:")) && !str_starts(value, STR("postgresql://")))
		return EINVAL;
	return str_copy(c->database, sizeof(c->database), value);
}

static int set_address(struct config *c, struct str value)
{
	if (c->naddresses == CONFIG_MAX_ADDRESSES)
		return E2BIG;
	return addr_parse(&c->address[c->naddresses], value, 0) ? EINVAL : (c->naddresses++, 0);
}

static int set_sip_port(struct config *c, struct str value)
{
	return set_port(&c->sip_port, value);
}

static int set_tls_port(struct config *c, struct str value)
{
	c->has_tls_port = true;
	return set_port(&c->tls_port, value);
}

static int set_ws_port(struct config *c, struct str value)
{
	c->has_ws_port = true;
	return set_port(&c->ws_port, value);
}

static int set_wss_port(struct config *c, struct str value)
{
	c->has_wss_port = true;
	return set_port(&c->wss_port, value);
}

static int set_ws_origins(struct config *c, struct str value)
{
	return str_copy(c->ws_origins, sizeof(c->ws_origins), value);
}

static int set_tls_cert(struct config *c, struct str value)
{
	return str_copy(c->tls_cert, sizeof(c->tls_cert), value);
}

static int set_tls_key(struct config *c, struct str value)
{
	return str_copy(c->tls_key, sizeof(c->tls_key), value);
}

static int set_tls_ca(struct config *c, struct str value)
{
	return str_copy(c->tls_ca, sizeof(c->tls_ca), value);
}

static int set_http_address(struct config *c, struct str value)
{
	return addr_parse(&c->http, value, 0);
}

static int set_http_port(struct config *c, struct str value)
{
	return set_port(&c->http_port, value);
}

static int set_rtp_ports(struct config *c, struct str value)
{
	struct str first = str_cut(&value, '-');

	if (!value.p || set_port(&c->rtp_min, first) || set_port(&c->rtp_max, value))
		return EINVAL;
	return c->rtp_min >= 1024 && c->rtp_min < c->rtp_max ? 0 : EINVAL;
}

static int set_node(struct config *c, struct str value)
{
	return str_u64(value, &c->node);
}

static int set_media_threads(struct config *c, struct str value)
{
	uint32_t n;

	if (str_u32(value, &n) || n > 256)
		return EINVAL;
	c->media_threads = n;
	return 0;
}

static int set_media_spread(struct config *c, struct str value)
{
	c->media_spread = !str_ieq(value, STR("no"));
	return 0;
}

static int set_silence(struct config *c, struct str value)
{
	uint32_t n;

	if (str_u32(value, &n) || n < 1 || n > 86400)
		return EINVAL;
	c->silence_ms = n * 1000;
	return 0;
}

static int set_log_file(struct config *c, struct str value)
{
	return str_copy(c->log_file, sizeof(c->log_file), value);
}

static int set_sounds(struct config *c, struct str value)
{
	return str_copy(c->sounds, sizeof(c->sounds), value);
}

/* "none": a tone. */
static int set_music(struct config *c, struct str value)
{
	return str_copy(c->music, sizeof(c->music), str_ieq(value, STR("none")) ? STR("") : value);
}

static int set_log_json(struct config *c, struct str value)
{
	c->log_json = !str_ieq(value, STR("no"));
	return 0;
}

static int set_log_level(struct config *c, struct str value)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (str_ieq(value, str_of(names[i]))) {
			c->log_level = (enum log_level)i;
			return 0;
		}
	return EINVAL;
}

static const struct setting settings[] = {
	{"demo", NULL, "start with a ready tenant and three extensions; passwords are printed",
	 set_demo},
	{"data", "DIR",
	 "folder of database, journal and keys (./data, or /var/lib/offhook as a service)",
	 set_data},
	{"database", "URL",
	 "sqlite:FILE or postgresql://USER@HOST/NAME (sqlite in the data folder)", set_database},
	{"address", "IP", "address to serve SIP and RTP on; may be repeated (all of the machine)",
	 set_address},
	{"sip-port", "N", "port for SIP over UDP and TCP (5060)", set_sip_port},
	{"tls-port", "N", "port for SIP over TLS (one above sip-port: 5061)", set_tls_port},
	{"ws-port", "N", "port for SIP over WebSocket (two above sip-port: 5062)", set_ws_port},
	{"wss-port", "N", "port for SIP over WebSocket with TLS (five above sip-port: 5065)",
	 set_wss_port},
	{"ws-origins", "LIST",
	 "pages that may open a WebSocket, as \"https://a.example none\"; none: no page (any)",
	 set_ws_origins},
	{"tls-cert", "FILE",
	 "PEM: certificate for TLS, then intermediates (one is made, signed by a root of its own)",
	 set_tls_cert},
	{"tls-key", "FILE", "PEM: the key of tls-cert", set_tls_key},
	{"tls-ca", "FILE", "PEM: roots that servers are trusted by besides those of the system",
	 set_tls_ca},
	{"http-address", "IP", "address of the REST interface (the first --address, or 127.0.0.1)",
	 set_http_address},
	{"http-port", "N", "its port (8888)", set_http_port},
	{"rtp-ports", "A-B", "ports for RTP and RTCP (45000-65000)", set_rtp_ports},
	{"silence-timeout", "S", "hang up a call without RTP for this many seconds (120)",
	 set_silence},
	{"music", "FILE",
	 "WAV file for who is held; none: a tone (" MUSIC_FILE ", when it is there)", set_music},
	{"sounds", "DIR", "folder of prompts, with a folder for each language (" SOUNDS_DIR ")",
	 set_sounds},
	{"media-threads", "N", "threads that relay RTP (one per CPU)", set_media_threads},
	{"media-spread", NULL, "spread calls evenly over them, instead of filling one first",
	 set_media_spread},
	{"node", "N", "number of this node in a cluster (1)", set_node},
	{"log-file", "FILE", "write the log there (standard error)", set_log_file},
	{"log-json", NULL, "log as JSON, one object a line", set_log_json},
	{"log-level", "LEVEL", "error, warn, info or debug (info)", set_log_level},
};

enum { OPT_HELP = 1000, OPT_VERSION, OPT_CONFIG };

static void print_help(void)
{
	puts("offhookd: the Offhook telephone system.\n\n"
	     "Usage: offhookd [--config FILE] [OPTION]...\n\n"
	     "Runs in the foreground until SIGTERM or SIGINT.  Try it:  offhookd --demo\n");
	printf("  %-26s %s\n", "--config FILE",
	       "read settings from FILE: lines NAME = VALUE, names as below");
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s %s", settings[i].name,
			 settings[i].argument ? settings[i].argument : "");
		printf("  %-26s %s\n", left, settings[i].help);
	}
	puts("  --help, --version\n\nEverything else is configured while it runs: see `offhook "
	     "--help` and /api/docs.");
}

static int apply(struct config *c, const struct setting *s, const char *value, const char *where)
{
	int err = s->set(c, str_of(value ? value : "yes"));

	if (err)
		fprintf(stderr, "offhookd: %s%s: '%s' is not valid (%s: %s)\n", where, s->name,
			value ? value : "", s->argument ? s->argument : "yes or no", s->help);
	return err ? EINVAL : 0;
}

static int from_file(void *arg, const char *section, const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (!strcmp(settings[i].name, name))
			return !apply(arg, &settings[i], value, "configuration file: ");
	fprintf(stderr, "offhookd: configuration file: unknown setting '%s'\n", name);
	return 0;
}

static int read_file(struct config *c, const char *path)
{
	int line = ini_parse(path, from_file, c);

	if (line < 0)
		fprintf(stderr, "offhookd: cannot read %s\n", path);
	else if (line > 0)
		fprintf(stderr, "offhookd: %s: line %d is not valid\n", path, line);
	return line ? EINVAL : 0;
}

static void every_address(struct config *c)
{
	struct ifaddrs *all, *it;

	if (getifaddrs(&all))
		return;
	/* Addresses that others can reach come first: the first one is printed for phones. */
	for (int loopback = 0; loopback < 2; loopback++) {
		for (it = all; it && c->naddresses < CONFIG_MAX_ADDRESSES; it = it->ifa_next) {
			struct addr a;

			if (!it->ifa_addr || !(it->ifa_flags & IFF_UP))
				continue;
			if (addr_from_sockaddr(&a, it->ifa_addr) ||
			    addr_is_loopback(&a) != !!loopback)
				continue;
			a.port = 0;
			c->address[c->naddresses++] = a;
		}
	}
	freeifaddrs(all);
}

static int complete(struct config *c)
{
	if (!c->naddresses)
		every_address(c);
	if (!c->naddresses) {
		fputs("offhookd: no address to listen on: give one with --address\n", stderr);
		return EINVAL;
	}
	if (!c->http.family && addr_parse(&c->http, STR("127.0.0.1"), 0))
		return EINVAL;
	c->http.port = c->http_port;
	if (!c->database[0]) {
		int n = snprintf(c->database, sizeof(c->database), "sqlite:%.490s/offhook.db",
				 c->data_dir);

		if (n < 0 || (size_t)n >= sizeof(c->database))
			return EINVAL;
	}
	return 0;
}

static int read_options(struct config *c, int argc, char **argv)
{
	struct option options[ARRAY_LEN(settings) + 4] = {{0}};
	size_t n = ARRAY_LEN(settings);
	int opt, err;

	for (size_t i = 0; i < n; i++)
		options[i] = (struct option){settings[i].name,
					     settings[i].argument ? required_argument : no_argument,
					     NULL, (int)i};
	options[n++] = (struct option){"help", no_argument, NULL, OPT_HELP};
	options[n++] = (struct option){"version", no_argument, NULL, OPT_VERSION};
	options[n++] = (struct option){"config", required_argument, NULL, OPT_CONFIG};

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == OPT_HELP) {
			print_help();
			return ECANCELED;
		}
		if (opt == OPT_VERSION) {
			puts("offhookd " OFFHOOK_VERSION);
			return ECANCELED;
		}
		if (opt == OPT_CONFIG)
			err = read_file(c, optarg);
		else if (opt >= 0 && (size_t)opt < ARRAY_LEN(settings))
			err = apply(c, &settings[opt], optarg, "--");
		else
			err = EINVAL;
		if (err) {
			fputs("Try 'offhookd --help'.\n", stderr);
			return err;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "offhookd: '%s' is not an option.  Try 'offhookd --help'.\n",
			argv[optind]);
		return EINVAL;
	}
	return 0;
}

int config_read(struct config *c, int argc, char **argv)
{
	int err;

	*c = (struct config){
		.data_dir = "data",
		.sip_port = 5060,
		.http_port = 8888,
		.rtp_min = 45000,
		.rtp_max = 65000,
		.node = 1,
		.silence_ms = 120000,
		.music = MUSIC_FILE,
		.sounds = SOUNDS_DIR,
		.log_level = LOG_INFO,
	};
	err = read_options(c, argc, argv);
	if (err)
		return err;
	/* A demo asked to serve one address serves the interface there too. */
	if (!c->http.family && c->naddresses)
		c->http = c->address[0];
	return complete(c);
}
