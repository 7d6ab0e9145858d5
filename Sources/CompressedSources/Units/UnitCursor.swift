// A place in a unit from which decoding goes on.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// Decodes one unit forwards.
// SAFETY: one thread at a time uses a cursor: who made it, or took it out of the cursors that wait.
final class UnitCursor: @unchecked Sendable {
    private let decoding: UnitDecoding
    /// What errors call the unit, and where it is stored, in bytes.
    private let record: String
    private let place: UInt64
    private var input: [UInt8] = []
    private var position = 0
    private var inputHasEnded = false
    private var isAtEnd = false
    /// Stored bytes that were used.
    private(set) var consumedByteCount: UInt64 = 0
    private(set) var decodedByteCount: UInt64 = 0

    init(_ decoding: UnitDecoding, record: String, at place: UInt64) {
        self.decoding = decoding
        self.record = record
        self.place = place
    }

    /// Decodes into `output` until it is full or the unit ends.
    /// - Returns: The number of bytes decoded.
    func fill(_ output: UnsafeMutableRawBufferPointer) throws(ReadError) -> Int {
        var filled = 0
        while filled < output.count, !isAtEnd {
            try PatientRead.checkCancellation()
            if position == input.count, !inputHasEnded {
                input = try decoding.input.next()
                position = 0
                inputHasEnded = input.isEmpty
            }
            // SAFETY: `filled` is at most the length of the output.
            let step = try unsafe decoding.decoder.step(
                input, from: position, into: UnsafeMutableRawBufferPointer(rebasing: output[filled...]))
            position += step.consumed
            consumedByteCount += UInt64(step.consumed)
            filled += step.produced
            switch step.state {
            case .running:
                guard step.consumed > 0 || step.produced > 0 || !inputHasEnded else {
                    throw damaged("the stored bytes end before it does")
                }
            case .ended: try end()
            case .damaged(let reason): throw damaged(reason)
            }
        }
        decodedByteCount += UInt64(filled)
        if let digest = decoding.digest {
            unsafe digest.update(UnsafeRawBufferPointer(rebasing: output[..<filled]))
        }
        return filled
    }

    /// Makes sure that the unit ends here.
    func finish() throws(ReadError) {
        let spare = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 64)
        defer { unsafe spare.deallocate() }
        guard try unsafe fill(spare) == 0 else {
            throw damaged("it decodes to more than the \(decodedByteCount) bytes that are said of it")
        }
        guard decoding.digest?.isRight() ?? true else {
            throw damaged("the checksum of the decoded bytes is wrong")
        }
    }

    func damaged(_ reason: String) -> ReadError {
        .corrupt(record: record, offset: place, reason: reason)
    }

    private func end() throws(ReadError) {
        isAtEnd = true
        guard position == input.count, try decoding.input.next().isEmpty else {
            throw damaged("it ends before its stored bytes do")
        }
    }
}
