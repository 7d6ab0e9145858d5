#!/bin/sh
# Checks who asks for the time of day, and that all locks are those whose order debug builds check.
# SPDX-License-Identifier: Apache-2.0
#
# How long anyone waits is a matter of the monotonic clock, which stands still while a machine sleeps and does not jump
# when its clock is set. The time of day is for what other machines and file systems have written.
set -eu
cd "$(dirname "$0")/.."
status=0
complain() {
    echo "primitives: $*" >&2
    status=1
}

# file: what the time of day is for
days='
Sources/ByteSources/FileReplacement.swift: the age of files that were begun and never ended
Sources/CompressedSources/Index/IndexStore.swift: whether a file was changed a moment ago
Sources/OVFPackage/Certificate/CertificateReport.swift: whether a certificate is valid
Sources/RemoteSources/OpenStack/ServiceClock.swift: when a token expires
Sources/RemoteSources/Sources/RangeSink.swift: a date in Retry-After, which is bounded as a number of seconds is
Sources/ovafs/Commands/MountCommand+Catalogue.swift: the time of a folder that no one made
Sources/ovafs/Remote/RemoteSession.swift: the time of a file for which the server names none
Sources/ovafs/Logging/LineLogHandler.swift: lines of a log
Sources/ovafs/Output/SummaryTable.swift: shows a time that a file has
Sources/ovafs/Logging/SystemLogHandler.swift: lines of a log
'
# The clock that goes on while a machine sleeps is none for waiting either.
pattern='(^|[^A-Za-z_.])time\((nil|&)|gettimeofday\(|CLOCK_(REALTIME|TAI|BOOTTIME)|[^A-Za-z]Date\(|ContinuousClock'
compare() {
    found=$(grep -rlE "$pattern" Sources --include='*.swift' --include='*.h' | sort)
    known=$(printf '%s' "$1" | sed -n 's/: .*//p' | sort)
    unknown=$(printf '%s\n%s\n%s\n' "$found" "$known" "$known" | sort | uniq -u)
    gone=$(printf '%s\n%s\n%s\n' "$found" "$found" "$known" | sort | uniq -u)
    [ -z "$unknown" ] || complain "$2, and scripts/check-primitives.sh does not say why: $unknown"
    [ -z "$gone" ] || complain "scripts/check-primitives.sh names files that have no such thing any more: $gone"
}
compare "$days" 'the time of day is asked for'

# A condition waits by the monotonic clock where it is told to.
grep -q 'pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)' Sources/ByteSources/Monitor.swift ||
    complain 'Sources/ByteSources/Monitor.swift does not wait by the monotonic clock'

# Locks that debug builds do not watch. Under the first ones no other lock is taken, so that they are in no circle.
locks='
Sources/ByteSources/OpeningProgress.swift: its steps, changed and read
Sources/DiskImages/Prefetch/BlockingQueue.swift: its elements, changed and waited for
Sources/FuseServer/LibraryMessages.swift: one text
Sources/FuseServer/MountStarter.swift: a thread, which is waited for outside of it
Sources/FuseServer/OwnMount.swift: a session, put there and taken
Sources/FuseServer/ServedTree.swift: a set of numbers
Sources/OVFPackage/Manifest/PackageVerifier.swift: a list of outcomes
Sources/ovafs/Commands/SandboxProbeCommand.swift: a list of lines
Sources/ovafs/Mounting/MountLink.swift: what was learned, put there and read
Sources/ovafs/Logging/LineLogHandler.swift: a line, written where that does not wait
Sources/ovafs/Mounting/MountServer.swift: a descriptor, which is shut
Sources/ovafs/Output/ProgressBar.swift: a line, written
Sources/OVFPackage/Certificate/CertificateReport.swift: waits for a library that calls back
Sources/ByteSources/SleepingMutex.swift: is watched
Sources/ByteSources/Monitor.swift: is watched
Sources/ByteSources/Watching/SharedLockOrder.swift: is who watches
'
pattern='pthread_(mutex|cond|rwlock|spin)_|[^A-Za-z]Mutex[<(]|NSLock|NSCondition|DispatchSemaphore|[^A-Za-z]sem_(init|wait)'
compare "$locks" 'there is a lock whose order no one checks'
exit "$status"
