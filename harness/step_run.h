/* SPDX-License-Identifier: MIT */
/* How each step is done; the contract is that of run() in struct step_type. */
#ifndef HARNESS_STEP_RUN_H
#define HARNESS_STEP_RUN_H

#include "sim/base/err.h"

struct engine;
struct step;

int step_run_boot(struct engine *en, const struct step *s, struct err *e);
int step_run_install(struct engine *en, const struct step *s, struct err *e);
int step_run_run(struct engine *en, const struct step *s, struct err *e);
int step_run_touch(struct engine *en, const struct step *s, struct err *e);
int step_run_write(struct engine *en, const struct step *s, struct err *e);
int step_run_remove(struct engine *en, const struct step *s, struct err *e);
int step_run_wait(struct engine *en, const struct step *s, struct err *e);
int step_run_reboot(struct engine *en, const struct step *s, struct err *e);
int step_run_shutdown(struct engine *en, const struct step *s, struct err *e);
int step_run_power_cut(struct engine *en, const struct step *s, struct err *e);
int step_run_sip(struct engine *en, const struct step *s, struct err *e);
int step_run_allow_kext(struct engine *en, const struct step *s, struct err *e);
int step_run_csrutil(struct engine *en, const struct step *s, struct err *e);
int step_run_upgrade(struct engine *en, const struct step *s, struct err *e);
int step_run_unlock(struct engine *en, const struct step *s, struct err *e);
int step_run_mount(struct engine *en, const struct step *s, struct err *e);
int step_run_corrupt(struct engine *en, const struct step *s, struct err *e);
int step_run_seal_break(struct engine *en, const struct step *s, struct err *e);
int step_run_seal_fix(struct engine *en, const struct step *s, struct err *e);
int step_run_reinstall(struct engine *en, const struct step *s, struct err *e);
int step_run_expect(struct engine *en, const struct step *s, struct err *e);

#endif
