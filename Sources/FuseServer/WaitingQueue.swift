// Which of the waiting requests is served next, and who may answer it: a value that knows neither threads nor kernel.
// SPDX-License-Identifier: Apache-2.0

/// The requests that cannot be answered at once, by whose turn they are served in. Turns come round; of the workers that
/// are free, none may have more than half, so that readers of one slow file leave some for those of the next. All opens
/// together, of however many files, leave some for reads, and what nobody waits for leaves nearly all for both.
///
/// A request is queued, then at work, then gone. Whoever finishes it, calls it off, or ends the session asks here first,
/// and one of them is told to answer. How many of those at work decode is not decided here: `DecoderPlaces`.
struct WaitingQueue: Hashable {
    /// A request's number; never 0, never given twice.
    typealias ID = UInt64

    /// Requests that are served in the order in which they came.
    enum Turn: Hashable {
        case opens(of: UInt64)
        case reads(of: UInt64)
        /// Counting, which nobody waits for, and which may take as long as reading all tables of a file.
        case counts
        /// Opening folders, whoever waits for that: each may take as long as a server likes.
        case folders
        /// Listing the folders anew, and closing those that no one uses.
        case renewals
        case tidying
    }

    private struct Entry: Hashable {
        let turn: Turn
        var isAtWork = false
        var isAnswered = false
    }

    private struct Requests: Hashable {
        var queued: [ID] = []
        var atWorkCount = 0
    }

    /// So many requests of `Turn.counts` are at work at most.
    private static let mostCounts = 2
    /// So many folders are opened at once.
    static let mostFolders = 16

    /// The most requests at work at once.
    let workerLimit: Int

    private var entries: [ID: Entry] = [:]
    private var requests: [Turn: Requests] = [:]
    /// Those that have something queued, the next one first.
    private var turns: [Turn] = []
    private var atWorkCount = 0
    /// The opens among them.
    private var openCount = 0

    init(workerLimit: Int) {
        self.workerLimit = workerLimit
    }

    /// Whether `next` has something to give.
    var hasNext: Bool { turns.contains(where: mayStart) }

    /// Queues a request.
    mutating func add(_ id: ID, _ turn: Turn) {
        entries[id] = Entry(turn: turn)
        requests[turn, default: Requests()].queued.append(id)
        if requests[turn]?.queued.count == 1 { turns.append(turn) }
    }

    /// Takes the next request that may be worked at; nil where there is none, or all workers have enough to do.
    mutating func next() -> ID? {
        guard let index = turns.firstIndex(where: mayStart) else { return nil }
        let turn = turns.remove(at: index)
        guard var own = requests[turn], !own.queued.isEmpty else { return nil }
        let id = own.queued.removeFirst()
        own.atWorkCount += 1
        requests[turn] = own
        if !own.queued.isEmpty { turns.append(turn) }
        entries[id]?.isAtWork = true
        atWorkCount += 1
        if case .opens = turn { openCount += 1 }
        return id
    }

    /// A worker is done with a request. The result says whether the worker is to answer it.
    mutating func finish(_ id: ID) -> Bool {
        guard let entry = entries.removeValue(forKey: id), entry.isAtWork else { return false }
        atWorkCount -= 1
        if case .opens = entry.turn { openCount -= 1 }
        requests[entry.turn]?.atWorkCount -= 1
        dropIfIdle(entry.turn)
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
        requests[entry.turn]?.queued.removeAll { $0 == id }
        if requests[entry.turn]?.queued.isEmpty == true { turns.removeAll { $0 == entry.turn } }
        dropIfIdle(entry.turn)
        return true
    }

    /// Calls off every request; the result has those that the caller is to answer.
    mutating func callOffAll() -> [ID] {
        entries.keys.sorted().filter { callOff($0) }
    }

    private func mayStart(_ turn: Turn) -> Bool {
        let free = workerLimit - atWorkCount
        guard free > 0 else { return false }
        let own = requests[turn]?.atWorkCount ?? 0
        let isWithinShare = own == 0 || own < free / 2
        return switch turn {
        case .reads: isWithinShare
        case .opens: isWithinShare && (openCount == 0 || openCount < workerLimit / 2)
        case .counts: isWithinShare && own < Self.mostCounts
        case .folders: isWithinShare && own < Self.mostFolders
        case .renewals, .tidying: own == 0
        }
    }

    private mutating func dropIfIdle(_ turn: Turn) {
        guard let own = requests[turn], own.queued.isEmpty, own.atWorkCount == 0 else { return }
        requests[turn] = nil
    }
}
