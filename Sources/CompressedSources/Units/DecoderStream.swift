// A unit that a library decodes whose input is handed to it in pieces.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Codecs

/// Brings a decoder and its input together; the unit has to end where its input does.
final class DecoderStream: UnitStream {
    private let decoder: any StreamDecoder
    private let source: any UnitInput
    private var input: [UInt8] = []
    private var position = 0
    private var inputHasEnded = false
    private var isAtEnd = false
    private(set) var consumedByteCount: UInt64 = 0

    init(_ decoder: any StreamDecoder, of source: any UnitInput) {
        self.decoder = decoder
        self.source = source
    }

    func fill(_ output: UnsafeMutableRawBufferPointer, from place: UnitPlace) throws(ReadError) -> Int {
        var filled = 0
        while filled < output.count, !isAtEnd {
            try PatientRead.checkCancellation()
            if position == input.count, !inputHasEnded {
                input = try source.next()
                position = 0
                inputHasEnded = input.isEmpty
            }
            // SAFETY: `filled` is at most the length of the output.
            let step = try unsafe decoder.step(
                input, from: position, into: UnsafeMutableRawBufferPointer(rebasing: output[filled...]))
            position += step.consumed
            consumedByteCount += UInt64(step.consumed)
            filled += step.produced
            switch step.state {
            case .running:
                guard step.consumed > 0 || step.produced > 0 || !inputHasEnded else {
                    throw place.damaged("the stored bytes end before it does")
                }
            case .ended:
                isAtEnd = true
                guard position == input.count, try source.next().isEmpty else {
                    throw place.damaged("it ends before its stored bytes do")
                }
            case .damaged(let reason): throw place.damaged(reason)
            }
        }
        return filled
    }
}
