// What happens to half a copy when the program is told to end.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Glibc

/// Waits for the signals that end a program, takes back what is unfinished, and lets the signal end the program as it
/// would have. A signal that the caller ignores, as under nohup(1), stays ignored.
final class Interruption: Sendable {
    private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU]

    private struct State {
        /// Each takes one thing back; what it leaves behind is said in one line.
        var undoings: [@Sendable () -> String?] = []
        /// All is being taken back: nothing begins or ends to be guarded meanwhile.
        var isEnding = false
    }

    private let state = Monitor(State())

    /// Begins to wait. The calling thread must be the only one that takes signals.
    convenience init() { self.init(awaiting: Self.signals) }

    /// As above, for these signals.
    init(awaiting signals: [CInt]) {
        guard !signals.isEmpty else { return }
        var awaited = sigset_t()
        unsafe sigemptyset(&awaited)
        for signal in signals where !Self.isIgnored(signal) { unsafe sigaddset(&awaited, signal) }
        var previous = sigset_t()
        unsafe pthread_sigmask(SIG_BLOCK, &awaited, &previous)
        let waited = awaited
        let thread = try? WorkerThread { self.wait(for: waited) }
        // Without a thread that waits, the signals end the program at once, as before.
        if thread == nil { unsafe pthread_sigmask(SIG_SETMASK, &previous, nil) }
    }

    /// Runs `body` with what `make` makes, which a signal has `undo` take back first: no signal comes between the
    /// two. `make` must not wait for anything.
    func guarding<Thing: Sendable, Result, Failure: Error>(
        _ make: () throws(Failure) -> Thing, undo: @escaping @Sendable (Thing) -> String?,
        _ body: (Thing) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let thing = try state.withLock(
            waitingWhile: { state throws(Failure) in state.isEnding },
            { state throws(Failure) in
                let thing = try make()
                state.undoings.append { undo(thing) }
                return thing
            })
        defer { state.withLock(waitingWhile: { $0.isEnding }) { _ = $0.undoings.removeLast() } }
        return try body(thing)
    }

    /// Takes back all that is unfinished, and calls `end` while nothing new can begin.
    func takeBack(then end: () -> Void) {
        // What is guarded by now stays guarded. The lock is not held: what takes a thing back may have to wait for it.
        let undoings = state.withLock(waitingWhile: { $0.isEnding }) { state in
            state.isEnding = true
            return state.undoings
        }
        ProgressBar.clear()
        for undo in undoings.reversed() {
            let left = undo()
            // It may have taken its time, in which the bar was drawn anew.
            ProgressBar.clear()
            if let left { StandardError.write(left) }
        }
        end()
        state.withLock { $0.isEnding = false }
        state.wake()
    }

    /// Ends the program as `signal` does.
    static func end(by signal: CInt) -> Never {
        Glibc.signal(signal, SIG_DFL)
        var only = sigset_t()
        unsafe sigemptyset(&only)
        unsafe sigaddset(&only, signal)
        unsafe pthread_sigmask(SIG_UNBLOCK, &only, nil)
        raise(signal)
        // Its default action has ended the program; this is for a caller who blocks even that.
        _exit(128 + signal)
    }

    private func wait(for awaited: sigset_t) {
        var awaited = awaited
        var signal: CInt = 0
        guard unsafe sigwait(&awaited, &signal) == 0 else { return }
        takeBack { Self.end(by: signal) }
    }

    private static func isIgnored(_ signal: CInt) -> Bool {
        var action = sigaction()
        guard unsafe sigaction(signal, nil, &action) == 0 else { return false }
        // SIG_IGN is the address 1, which no function has.
        return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
    }
}
