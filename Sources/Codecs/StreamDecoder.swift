// What the decoders of streams have in common: bytes in, bytes out, as much at a time as there is room for.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources

/// One stream being decoded from its start. One thread at a time uses it.
package protocol StreamDecoder: AnyObject {
    /// Decodes from `input[position...]` into `output`, as far as either goes.
    /// - Throws: `ReadError.system` where there is no memory; what is wrong with the stream is in the answer.
    func step(
        _ input: [UInt8], from position: Int, into output: UnsafeMutableRawBufferPointer
    ) throws(ReadError) -> DecodingStep
}

/// What one step of decoding did.
package struct DecodingStep: Equatable {
    package enum State: Equatable {
        /// Input is used up, or output is full.
        case running
        /// The stream has come to its end; its checksum, where it has one, is right.
        case ended
        case damaged(String)
    }

    /// Bytes of the input that were used.
    package let consumed: Int
    /// Bytes of the output that were filled.
    package let produced: Int
    package let state: State
}
