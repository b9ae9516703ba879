/* SPDX-License-Identifier: MIT */
/* Power on and off, commands on the Mac, and the steps that are no more than that. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness/engine_impl.h"
#include "harness/match.h"
#include "harness/step_run.h"
#include "sim/base/clock.h"

#define DAY_NS 86400000000000ll
/* What passes for the Mac between power-off and power-on. */
#define BOOT_GAP_NS 60000000000ll
#define HOLD_POLL_MS 20u

/*
 * It starts a day after the release, so that nothing that happens has the same second as a
 * file of the disk's making; and nobody updates to a release before it is there.
 */
int64_t engine_mac_clock(const struct engine *en)
{
	int64_t start = en->plan->s.clock_ns, release = en->release->date * 1000000000;

	if (start == INT64_MIN || (en->release != en->plan->s.release && start < release))
		start = release + DAY_NS;
	return start + (clock_ns() - en->started_ns) + en->boots * BOOT_GAP_NS;
}

/* What is on the disk before anything happened, for `unchanged`. */
static int look_before(struct engine *en, struct err *e)
{
	int r = 0;

	for (unsigned k = KERNEL_SYSTEM; k <= KERNEL_STAGED && !r; k++)
		r = engine_kernel(en, (enum kernel_which)k, &en->before[k], e);
	if (!r && en->release->sealed_system)
		r = en->machine->ops->seal(en->machine->m, false, &en->seal_before, e);
	en->have_before = !r;
	return r;
}

/* A start that ended in a recoveryOS by itself took the kernel of that. */
static bool fell_back(const struct engine *en)
{
	const json_t *event = evidence_last(en->ev, "boot.environment", SINCE_BOOT);
	const char *os = json_string_value(json_object_get(event, "os"));

	return os && strcmp(os, "macOS");
}

/*
 * The guest says what it booted. It is believed as far as the disk, read before the
 * boot from outside, says the same.
 */
static int check_booted(struct engine *en, const struct kernel_info *system,
			struct err *e)
{
	const json_t *event = evidence_last(en->ev, "boot.kernel", SINCE_BOOT);
	int r;

	if (!event)
		return err_set(e, E_INFRA, "the boot did not say which kernel it took");
	r = kernel_info_from_event(event, &en->arena, &en->booted, e);
	if (r || en->mode == MODE_RECOVERY || fell_back(en))
		return r;
	en->booted.darwin = system->darwin;
	en->booted.bad = system->bad;
	return engine_check(en, "boot.kernel", !strcmp(en->booted.sha256, system->sha256),
			    system->sha256, e, "%s", en->booted.sha256);
}

int engine_boot(struct engine *en, enum machine_mode mode, const char *hold,
		unsigned timeout_ms, bool *ret_up, char reason[static MACHINE_REASON_MAX], struct err *e)
{
	struct kernel_info system = {.exists = false};
	const struct machine_boot boot = {
		.mode = mode,
		.clock_ns = engine_mac_clock(en),
		.time_factor = en->plan->s.time_factor,
		.hold = hold,
		.timeout_ms = timeout_ms,
	};
	int64_t t;
	int r = en->have_before ? 0 : look_before(en, e);

	if (!r)
		r = engine_kernel(en, KERNEL_SYSTEM, &system, e);
	if (r)
		return r;
	engine_drop_files(en);
	evidence_mark(en->ev, SINCE_BOOT);
	t = clock_ns();
	en->mode = mode;
	en->boots++;
	r = en->machine->ops->boot(en->machine->m, &boot, ret_up, reason, e);
	en->res->phase_ms[PHASE_BOOT] += (uint64_t)(clock_ns() - t) / 1000000;
	if (r)
		return r;
	en->on = *ret_up;
	return *ret_up ? check_booted(en, &system, e) : 0;
}

/* *ret_going: the Mac is on its way down. Else shutdown(8) refused, a failed check. */
static int shutdown_command(struct engine *en, enum engine_down how, unsigned timeout_ms,
			    bool *ret_going, struct err *e)
{
	static const char *const argv[][4] = {
		[ENGINE_HALT] = {"/sbin/shutdown", "-h", "now"},
		[ENGINE_RESTART] = {"/sbin/shutdown", "-r", "now"},
		[ENGINE_HALT_QUICK] = {"/sbin/halt", "-q"},
	};
	const struct machine_exec x = {.argv = argv[how], .timeout_ms = timeout_ms};
	struct machine_result res = {.status = 0};
	int r = en->machine->ops->exec(en->machine->m, &x, &res, e);

	/* The machine may be gone before shutdown(8) could say how it ended. */
	*ret_going = res.gone || res.signal || !res.status;
	if (!r && !*ret_going)
		r = engine_check(en, "shutdown.status", false, "0", e, "%d: %s",
				 res.status, buf_str(&res.err));
	machine_result_release(&res);
	return r;
}

/* A Mac that does not shut down is of no more use to the steps. */
static int give_up(struct engine *en, struct err *e)
{
	en->lost = true;
	en->on = false;
	return en->machine->ops->power_cut(en->machine->m, e);
}

int engine_shutdown(struct engine *en, enum engine_down down, unsigned timeout_ms,
		    struct err *e)
{
	static const char *const names[] = {"restart", "halt", "panic"};
	char reason[MACHINE_REASON_MAX] = "";
	enum machine_down want = down == ENGINE_RESTART ? DOWN_RESTART : DOWN_HALT;
	enum machine_down how = DOWN_PANIC;
	int64_t t = clock_ns();
	bool going;
	int r;

	engine_drop_files(en);
	evidence_mark(en->ev, SINCE_SHUTDOWN);
	r = shutdown_command(en, down, timeout_ms, &going, e);
	if (!r && !going)
		return give_up(en, e);
	if (!r)
		r = en->machine->ops->wait_down(en->machine->m, timeout_ms, &how, reason,
						e);
	en->res->phase_ms[PHASE_SHUTDOWN] += (uint64_t)(clock_ns() - t) / 1000000;
	if (r)
		return err_ctx(e, "shutting down");
	en->on = false;
	if (how == want)
		return 0;
	return engine_check(en, "shutdown.how", false, names[want], e, "%s: %s",
			    names[how], reason);
}

int engine_exec(struct engine *en, const struct machine_exec *x,
		struct machine_result *res, struct err *e)
{
	enum machine_down how;
	char reason[MACHINE_REASON_MAX] = "";
	int r = en->machine->ops->exec(en->machine->m, x, res, e);

	if (r || !res->gone)
		return r;
	en->lost = true;
	r = en->machine->ops->wait_down(en->machine->m, x->timeout_ms, &how, reason, e);
	engine_drop_files(en);
	en->on = false;
	return r ? r
		 : engine_check(en, "machine.up", false, "the Mac runs", e,
				"it went down: %s", reason);
}

int engine_command(struct engine *en, const char *what, const char *const *argv,
		   const void *input, size_t len, unsigned timeout_ms, bool *ret_ok,
		   struct err *e)
{
	const struct machine_exec x = {
		.argv = argv, .input = input, .input_len = len, .timeout_ms = timeout_ms};
	struct machine_result res = {.status = 0};
	int r = engine_exec(en, &x, &res, e);
	bool ok = !r && !res.gone && !res.signal && !res.status;

	if (!r)
		r = engine_check(en, what, ok, "status 0", e, "status %d%s%s", res.status,
				 res.err.len ? ": " : "", buf_str(&res.err));
	if (ret_ok)
		*ret_ok = ok;
	machine_result_release(&res);
	return r;
}

int step_run_boot(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_boot *x = s->args;
	char reason[MACHINE_REASON_MAX] = "";
	const char *want;
	bool up = false;
	int r = engine_text(en, x->refused, &want, e);

	if (!r)
		r = engine_boot(en, (enum machine_mode)x->mode, x->hold,
				engine_timeout_ms(en, s), &up, reason, e);
	if (r)
		return r;
	if (want)
		r = engine_check(en, "boot.refused", !up && match_like(want, reason),
				 want, e, "%s", up ? "the Mac booted" : reason);
	else if (!up)
		r = engine_check(en, "boot.up", false, "the Mac boots", e, "refused: %s",
				 reason);
	if (r || up == !want)
		return r;
	/* What follows was written for the other state of the power. */
	if (up)
		return engine_shutdown(en, ENGINE_HALT, engine_timeout_ms(en, s), e);
	en->lost = true;
	return 0;
}

int step_run_reboot(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_reboot *x = s->args;
	char reason[MACHINE_REASON_MAX] = "";
	bool up = false;
	int r = engine_shutdown(en, ENGINE_RESTART, engine_timeout_ms(en, s), e);

	if (!r && en->lost)
		return 0;
	if (!r)
		r = engine_boot(en, (enum machine_mode)x->mode, NULL,
				engine_timeout_ms(en, s), &up, reason, e);
	if (r || up)
		return r;
	en->lost = true;
	return engine_check(en, "boot.up", false, "the Mac boots", e, "refused: %s",
			    reason);
}

int step_run_shutdown(struct engine *en, const struct step *s, struct err *e)
{
	return engine_shutdown(en, ENGINE_HALT, engine_timeout_ms(en, s), e);
}

/* The guest says that it holds, and then does nothing any more. */
static int wait_held(struct engine *en, const struct step *s, const char *at,
		     struct err *e)
{
	int64_t end = clock_ns() + (int64_t)engine_timeout_ms(en, s) * 1000000;
	int r = 0;

	while (!r) {
		const json_t *event = evidence_last(en->ev, "hold", SINCE_BOOT);
		const char *got = json_string_value(json_object_get(event, "at"));

		if (event)
			return engine_check(en, "power_cut.held", got && !strcmp(got, at),
					    at, e, "%s", got ? got : "");
		if (clock_ns() > end)
			return err_set(e, E_TIMEOUT, "waiting for the Mac to hold at %s",
				       at);
		r = en->machine->ops->idle(en->machine->m, HOLD_POLL_MS, e);
	}
	return r;
}

int step_run_power_cut(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_power_cut *x = s->args;
	int r = x->held ? wait_held(en, s, x->held, e) : 0;

	if (r)
		return r;
	engine_drop_files(en);
	evidence_mark(en->ev, SINCE_SHUTDOWN);
	en->on = false;
	return en->machine->ops->power_cut(en->machine->m, e);
}

int step_run_sip(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_sip *x = s->args;
	uint32_t csr;
	int r = scenario_parse_sip(x->to, &csr, e);

	return r ? r : en->machine->ops->set_csr(en->machine->m, csr, e);
}

int step_run_csrutil(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_csrutil *x = s->args;
	const char *const argv[] = {"/usr/bin/csrutil", x->verb, NULL};

	return engine_command(en, "csrutil", argv, NULL, 0, engine_timeout_ms(en, s),
			      NULL, e);
}

int step_run_unlock(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_volume *x = s->args;
	const char *const argv[] = {"/usr/sbin/diskutil",
				    "apfs",
				    "unlockVolume",
				    NULL,
				    "-passphrase",
				    NULL,
				    NULL};
	const char *full[7];
	int r;

	memcpy(full, argv, sizeof(argv));
	r = engine_text(en, x->volume, &full[3], e);
	if (!r)
		r = engine_text(en, x->passphrase, &full[5], e);
	return r ? r
		 : engine_command(en, "unlock", full, NULL, 0, engine_timeout_ms(en, s),
				  NULL, e);
}

int step_run_mount(struct engine *en, const struct step *s, struct err *e)
{
	const struct step_volume *x = s->args;
	const char *argv[] = {"/usr/sbin/diskutil", "mount", NULL, NULL};
	int r = engine_text(en, x->volume, &argv[2], e);

	return r ? r
		 : engine_command(en, "mount", argv, NULL, 0, engine_timeout_ms(en, s),
				  NULL, e);
}
