#!/bin/bash
# A run over MPI: sbatch docs/how-to/cluster/train.sh CONFIG OUT [OPTIONS OF evo train]
#SBATCH --nodes=4 --ntasks-per-node=2 --cpus-per-task=32
#SBATCH --time=24:00:00 --signal=TERM@300 --requeue --open-mode=append
config=$1 out=$2
shift 2
# srun does not take it over by itself.
export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
if [ -e "$out/config.ron" ]; then
    srun --mpi=pmix evo resume "$out" -q
else
    srun --mpi=pmix evo --config "$config" --out "$out" -q "$@"
fi
code=$?
# 143: stopped by SIGTERM, with a checkpoint. Other codes from 128 on: a signal has ended a rank.
if [ $code -ge 128 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 50 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit $code
