internal import BuildCache
internal import Formats
internal import Host
internal import Planning

/// Every readable blob of the store, compared with its digest.
struct BlobFacts {
    var matching = 0
    /// Bytes read.
    var bytes: UInt64 = 0
    /// Blobs that other users keep private.
    var unreadable = 0
    var damaged: [ByteString] = []

    func findings() -> [Finding] {
        guard damaged.isEmpty else {
            let count = ByteString(decimal: damaged.count) + " of them: "
            return [Finding(.blobsDamaged, count + .listing(damaged))]
        }
        var text = ByteString(decimal: matching) + " blobs, " + ByteSize.text(bytes)
        if unreadable > 0 { text += ", " + ByteString(decimal: unreadable) + " could not be read" }
        return [Finding(.blobsVerified, text)]
    }

    /// Reads every pool of every sub-store, each blob once however many names it has. Calls `progress` with the bytes
    /// done and the total.
    static func gather(_ layout: StoreLayout, progress: (UInt64, UInt64) -> Void = { _, _ in }) -> BlobFacts {
        var facts = BlobFacts()
        let blobs = list(layout)
        let total = blobs.reduce(UInt64(0)) { $0 &+ $1.size }
        for blob in blobs {
            do throws(Errno) {
                let file = try Descriptor.open(blob.path, followLinks: false)
                let digest = try file.digest { count in
                    facts.bytes &+= UInt64(count)
                    progress(facts.bytes, max(total, facts.bytes))
                }
                if digest.hex == blob.path.lastPathComponent {
                    facts.matching += 1
                } else {
                    facts.damaged.append(blob.path)
                }
            } catch .noSuchFile {
                continue
            } catch .accessDenied {
                facts.unreadable += 1
            } catch {
                facts.damaged.append(blob.path + " (" + ByteString(error.description) + ")")
            }
        }
        return facts
    }

    private static func list(_ layout: StoreLayout) -> [(path: ByteString, size: UInt64)] {
        var blobs: [(path: ByteString, size: UInt64)] = []
        var seen: Set<[UInt64]> = []
        for user in names(layout.format) where user.hasPrefix("u") && user.dropFirst(1).decimal != nil {
            let subStore = layout.format.appending(path: user)
            for name in names(subStore) where Generation.isName(name) {
                let pool = subStore.appending(path: name).appending(path: Generation.pool)
                for blob in names(pool) where Digest(hex: blob.bytes) != nil {
                    let path = pool.appending(path: blob)
                    guard let status = try? Files.status(path, followLinks: false), status.kind == .regular,
                        seen.insert([status.device, status.inode]).inserted
                    else { continue }
                    blobs.append((path, UInt64(max(0, status.size))))
                }
            }
        }
        return blobs
    }

    private static func names(_ folder: ByteString) -> [ByteString] {
        ((try? Files.names(in: folder, limit: 1 << 20)) ?? []).sorted()
    }
}
