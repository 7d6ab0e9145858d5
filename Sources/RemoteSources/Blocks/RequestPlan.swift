// Which blocks the next request asks for.
// SPDX-License-Identifier: Apache-2.0

/// Joins neighbours that are wanted into one request, those that someone waits for first. A value; it asks no one.
struct RequestPlan: Equatable {
    /// 8 MiB.
    static let mostBlocks = 32

    /// Neighbours, ascending.
    let blocks: Range<UInt64>
    /// Whether someone waits for the first of them.
    let isDemanded: Bool

    /// - Parameters:
    ///   - demanded: Blocks that someone waits for, longest wait first.
    ///   - ahead: Blocks that someone may want, in the order in which that is likely.
    ///   - mayGoAhead: Whether a request may be made of the latter alone.
    ///   - isWanted: Whether a block is one of either.
    ///   - isBegun: Whether a part of a block is there, so that a request has to begin with it.
    init?(
        demanded: some Collection<UInt64>, ahead: some Collection<UInt64>, mayGoAhead: Bool,
        isWanted: (UInt64) -> Bool, isBegun: (UInt64) -> Bool
    ) {
        guard let first = demanded.first ?? (mayGoAhead ? ahead.first : nil) else { return nil }
        var end = first + 1
        while end - first < Self.mostBlocks, isWanted(end), !isBegun(end) { end += 1 }
        blocks = first..<end
        isDemanded = !demanded.isEmpty
    }
}
