#!/bin/bash
# A sweep by a job array: sbatch docs/how-to/cluster/sweep.sh SWEEP OUT [OPTIONS OF evo sweep]
#SBATCH --array=1-8 --cpus-per-task=16
#SBATCH --time=24:00:00 --signal=TERM@300 --requeue --open-mode=append
sweep=$1 out=$2
shift 2
export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
# Without srun, the signal before the end would not get there.
srun --mpi=none evo sweep --config "$sweep" --out "$out" --slurm-array -q "$@"
code=$?
if [ $code -ge 128 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 50 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit $code
