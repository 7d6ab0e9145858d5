// How what comes one byte behind the other is opened before it is there.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// That members are taken from the References of the descriptor where their headers have not come.
package struct Foresight: Sendable {
    /// So long the rest of the source is waited for before that, in seconds: what has come is known better.
    package var patienceInSeconds = 5.0

    /// How often it is looked whether all is there, in seconds.
    private static let lookInterval = 0.05

    package init() {}

    /// Returns when all of `source` has come, and no later than the patience ends.
    /// - Throws: `ReadError.interrupted` where no one waits any more.
    package func waitABit(for source: any ByteSource) throws(ReadError) {
        let end = MonotonicClock.now + patienceInSeconds
        while source.arrivesInOrder, MonotonicClock.now < end {
            try PatientRead.checkCancellation()
            PatientRead.blocking { MonotonicClock.sleep(until: MonotonicClock.now + Self.lookInterval) }
        }
    }
}

/// A file of the References that has not come.
struct ForeseenFile: Sendable {
    let path: [UInt8]
    let byteCount: UInt64
    /// Where its header is if nothing lies between the files, in bytes from the start of the archive.
    let headerOffset: UInt64
}
