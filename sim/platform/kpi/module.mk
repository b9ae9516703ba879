host-src += sim/platform/kpi/kpi.c sim/platform/kpi/tables.c sim/platform/kpi/standin.c \
	    sim/platform/kpi/standin_place.c sim/platform/kpi/standin_pointers.c \
	    sim/platform/kpi/vtables.c sim/platform/kpi/standin_cpu.c \
	    sim/platform/kpi/system_kext.c sim/platform/kpi/family.c \
	    sim/platform/kpi/family_source.c
host-bin += build/kpi-family
kpi-family-src := sim/platform/kpi/family_main.c

# what a Mac's own kernel and KPIs would be, for tests of systems that users bring
host-bin += build/kpi-system
kpi-system-src := sim/platform/kpi/system_main.c
host-bin += build/bench-kxld
bench-kxld-src := sim/platform/kpi/test/bench_kxld.c
$(B)/sim/platform/kpi/tables.o: $(wildcard sim/platform/kpi/*/*.tsv)
test-src += sim/platform/kpi/test/test_vtables.c sim/platform/kpi/test/test_family.c sim/platform/kpi/test/test_interface.c \
	    sim/platform/kpi/test/test_kernel.c sim/platform/kpi/test/test_standin.c
fuzz-src += sim/platform/kpi/test/fuzz_kext.c
