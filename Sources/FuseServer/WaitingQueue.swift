// Which of the waiting requests is served next, and who may answer it: a value that knows neither threads nor kernel.
// SPDX-License-Identifier: Apache-2.0

/// The requests that cannot be answered at once, by file. Files take turns; of the workers that are free, no file
/// may have more than half, so that readers of one slow file leave some for those of the next.
///
/// A request is queued, then at work, then gone. Whoever finishes it, calls it off, or ends the session asks here first,
/// and one of them is told to answer. How many of those at work decode is not decided here: `DecoderPlaces`.
struct WaitingQueue {
    /// A request's number; never 0, never given twice.
    typealias ID = UInt64

    private struct Entry {
        let file: UInt64
        var isAtWork = false
        var isAnswered = false
    }

    private struct File {
        var queued: [ID] = []
        var atWorkCount = 0
    }

    /// The most requests at work at once.
    let workerLimit: Int

    private var entries: [ID: Entry] = [:]
    private var files: [UInt64: File] = [:]
    /// The files that have something queued, the one whose turn is next first.
    private var turns: [UInt64] = []
    private var atWorkCount = 0

    init(workerLimit: Int) {
        self.workerLimit = workerLimit
    }

    /// Whether `next` has something to give.
    var hasNext: Bool { turns.contains(where: mayStart) }

    /// Queues a request about `file`.
    mutating func add(_ id: ID, file: UInt64) {
        entries[id] = Entry(file: file)
        files[file, default: File()].queued.append(id)
        if files[file]?.queued.count == 1 { turns.append(file) }
    }

    /// Takes the next request that may be worked at; nil where there is none, or all workers have enough to do.
    mutating func next() -> ID? {
        guard let turn = turns.firstIndex(where: mayStart) else { return nil }
        let number = turns.remove(at: turn)
        guard var file = files[number], !file.queued.isEmpty else { return nil }
        let id = file.queued.removeFirst()
        file.atWorkCount += 1
        files[number] = file
        if !file.queued.isEmpty { turns.append(number) }
        entries[id]?.isAtWork = true
        atWorkCount += 1
        return id
    }

    /// A worker is done with a request. The result says whether the worker is to answer it.
    mutating func finish(_ id: ID) -> Bool {
        guard let entry = entries.removeValue(forKey: id), entry.isAtWork else { return false }
        atWorkCount -= 1
        files[entry.file]?.atWorkCount -= 1
        dropFileIfIdle(entry.file)
        return !entry.isAnswered
    }

    /// Someone other than its worker wants to answer a request. The result says whether that one is to.
    mutating func callOff(_ id: ID) -> Bool {
        guard let entry = entries[id], !entry.isAnswered else { return false }
        guard !entry.isAtWork else {
            entries[id]?.isAnswered = true
            return true
        }
        entries[id] = nil
        files[entry.file]?.queued.removeAll { $0 == id }
        if files[entry.file]?.queued.isEmpty == true { turns.removeAll { $0 == entry.file } }
        dropFileIfIdle(entry.file)
        return true
    }

    /// Calls off every request; the result has those that the caller is to answer.
    mutating func callOffAll() -> [ID] {
        entries.keys.sorted().filter { callOff($0) }
    }

    private func mayStart(_ number: UInt64) -> Bool {
        let free = workerLimit - atWorkCount
        guard free > 0 else { return false }
        let own = files[number]?.atWorkCount ?? 0
        return own == 0 || own < free / 2
    }

    private mutating func dropFileIfIdle(_ number: UInt64) {
        guard let file = files[number], file.queued.isEmpty, file.atWorkCount == 0 else { return }
        files[number] = nil
    }
}
