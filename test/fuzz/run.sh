#!/bin/bash
#
# run.sh [SECONDS [NAME...]]: builds the fuzzers of this folder with clang and runs each
# for SECONDS (60). Corpus, crashes and output stay in build/fuzz. Exit status 1 if one
# found something; the input then lies in build/fuzz/NAME/crash-*.
#
# Not part of `make test`: it needs clang, and its value grows with the time it is given.

set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
out=$top/build/fuzz
seconds=${1:-60}
shift || true
names=${*:-message state conninfo token address geo jwt patroni haproxy hot}
libpq=$("${PG_CONFIG:-pg_config}" --includedir)
failed=0

cd "$top"
mkdir -p "$out"
for name in $names; do
	clang -g -O2 -std=gnu11 -D_GNU_SOURCE -DUSE_ASSERT_CHECKING -Isrc -Itest -I"$libpq" \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		"test/fuzz/fuzz_$name.c" test/unit/mr_examples.c \
		src/core/bytes.c src/core/replication_token.c src/core/topology.c src/core/message.c src/core/durable.c \
		src/core/slice.c src/core/cidr.c src/core/decode.c src/core/countries.c src/core/edges.c src/core/client_place.c \
		src/core/client_address.c src/core/geo.c src/core/geo_headers.c src/core/geo_settings.c src/core/region.c \
		src/core/identifier.c src/adapters/json.c src/adapters/geo_json.c \
		src/adapters/jwt.c src/adapters/jwt_key.c \
		src/core/names.c src/core/health.c src/core/policy.c src/adapters/pg_conninfo.c -lpq -ljansson -lcrypto -levent -lm -o "$out/fuzz_$name"
	mkdir -p "$out/$name"
	echo "fuzz_$name: $seconds s"
	if ! MR_FUZZ_CORPUS=$out/$name "$out/fuzz_$name" -max_total_time="$seconds" -max_len=32768 \
		-timeout=10 -print_final_stats=1 -artifact_prefix="$out/$name/" "$out/$name" \
		>"$out/$name.log" 2>&1; then
		failed=1
		tail -n 40 "$out/$name.log"
	fi
	grep -E 'number_of_executed_units|new_units_added|cov:' "$out/$name.log" | tail -n 3
done
exit $failed
