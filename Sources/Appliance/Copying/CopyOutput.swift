// Where the bytes of a disk are copied to.
// SPDX-License-Identifier: Apache-2.0

/// An output that the threads of one copy write to.
package protocol CopyOutput: Sendable {
    /// Whether what is not written reads as zeros.
    var keepsHoles: Bool { get }

    /// Whether the output is complete.
    var isFinished: Bool { get }

    /// Writes bytes `range` of `buffer` at `offset`. An output without positions waits until all that comes before was
    /// written.
    func write(_ buffer: CopyBuffer, _ range: Range<Int>, at offset: UInt64) throws(CopyError)

    /// Takes note that the copy has failed: who waits for what comes before is let go.
    func cancel()

    /// Ends the output once all was written. `isDurable` says whether it has to be on the disk by then.
    func finish(isDurable: Bool) throws(CopyError)

    /// Takes back what was written, where that can be. May be called more than once, and at any time.
    /// - Returns: What is left behind, as one line; nil where nothing is.
    @discardableResult
    func discard() -> String?
}

extension CopyOutput {
    package func cancel() {}
}
