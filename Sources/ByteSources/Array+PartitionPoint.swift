// Where a sorted array changes from one kind of element to the other.
// SPDX-License-Identifier: Apache-2.0

extension Array {
    /// In an array whose elements first hold `isBefore` and then do not: the place of the first that does not.
    package func partitionPoint(_ isBefore: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
