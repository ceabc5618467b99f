#!/bin/bash
#
# Checks the models with Spin: each must hold, and each of the mutants that the head of
# its file lists must be violated: a rule whose loss the model does not notice is not
# modelled. Prints TAP.
#
#   run.sh               lease.pml and quorum.pml with all their mutants
#   run.sh MODEL         this one
#   run.sh MODEL MUTANT  this mutant, and prints the way to its violation
#
# The search is exhaustive within the bounds of the model (two terms for lease.pml; with
# three terms and the shortest lease it is a hash-compact one, and the mutants that need a
# third term are looked for there). Needs spin and gcc; works in build/model.
set -u
cd "$(dirname "$0")/../.." || exit 1
models=(lease quorum)
work=$PWD/build/model
mkdir -p "$work"

mutants_of()
{
	sed -n '/^ \* MUTANTS/,/^ \*\//s/^ \*   \([A-Z_]*\) .*/\1/p' "test/model/$1.pml"
}

# Bounds in which a violation shows soonest.
bounds_of()
{
	case $1.$2 in
		lease.OWN_TERM_STICKS | lease.HOLDER_NOT_PERSISTED | lease.ANY_PROOF) echo -DMAXT=3 -DTL=1 ;;
		lease.DEADLINE_FROM_REPLY) echo -DTL=2 ;;
		lease.*) echo -DTL=1 ;;
	esac
}

# search NAME MODEL HOW FLAGS...: prints pan's verdict; 0 = holds, 1 = violated, 2 = neither.
search()
{
	local name=$1 model=$2 how=$3 folder=$work/$1
	shift 3
	rm -rf "$folder" && mkdir -p "$folder" && cp "test/model/$model.pml" "$folder/" || return 2
	(
		cd "$folder" || exit 2
		spin -a "$@" "$model.pml" >spin.log 2>&1 || { cat spin.log; exit 2; }
		gcc "$([[ $* = *BUG_* ]] && echo -O0 || echo -O2)" -w -DSAFETY -DNOREDUCE "$how" -o pan pan.c || exit 2
		./pan -E -m2000000 -w"$([ "$how" = -DBITSTATE ] && echo 30 || echo 24)" >pan.log 2>&1
		if grep -q 'errors: 0' pan.log && ! grep -q 'max search depth too small\|error:' pan.log
		then
			sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1 states/p' pan.log
			exit 0
		fi
		grep '^pan:1: assertion violated' pan.log && exit 1
		tail -n 20 pan.log
		exit 2
	)
}

number=0
failures=0
report() # OK TEXT DETAIL
{
	number=$((number + 1))
	[ "$1" = 0 ] || failures=$((failures + 1))
	echo "$([ "$1" = 0 ] || echo 'not ')ok $number - $2"
	[ -z "$3" ] || sed 's/^/#   /' <<<"$3"
}

check_holds() # TEXT SEARCH-ARGUMENTS...
{
	local text=$1 said
	shift
	said=$(search "$@")
	report $? "$text" "$said"
}

check_violated() # MODEL MUTANT
{
	local said status
	# shellcheck disable=SC2046 # the bounds are words
	said=$(search "$1-$2" "$1" -DCOLLAPSE $(bounds_of "$1" "$2") "-DBUG_$2")
	status=$?
	report $((status != 1)) "$1: $2 is noticed" "$said"
}

check_model()
{
	local mutant
	check_holds "$1 holds" "$1" "$1" -DCOLLAPSE
	[ "$1" != lease ] ||
		check_holds "$1 holds for three terms of a short lease" "$1-3" "$1" -DBITSTATE -DMAXT=3 -DTL=1
	for mutant in $(mutants_of "$1")
	do
		check_violated "$1" "$mutant"
	done
}

if [ $# = 2 ]
then
	check_violated "$1" "$2"
	(cd "$work/$1-$2" && spin -t -p -g "$1.pml" | grep -v '<<<<<')
else
	for model in "${@:-${models[@]}}"
	do
		check_model "$model"
	done
fi
echo "1..$number"
exit $((failures > 0))
