/**
 * Opens a database of the browser: for what waits offline, and for files that are sent.
 */

/** One that does not open within this, in ms, is done without. */
const OPENING_MS = 2000

/** Opens it; `addStores` makes what is in it if it is new. Afterwards `lost` hears that it can be used no more. */
export function openDatabase(
  factory: IDBFactory | undefined,
  name: string,
  addStores: (database: IDBDatabase) => void,
  lost: () => void,
): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    if (!factory) throw new Error('there is no IndexedDB here')
    const request = factory.open(name, 1)
    // Some browsers never answer.
    let isLate = false
    const patience = setTimeout(() => {
      isLate = true
      reject(new Error('IndexedDB does not open'))
    }, OPENING_MS)
    request.onupgradeneeded = () => addStores(request.result)
    request.onerror = () => {
      clearTimeout(patience)
      reject(request.error)
    }
    request.onsuccess = () => {
      clearTimeout(patience)
      const database = request.result
      // A newer page that changes the database must not wait for us.
      database.onversionchange = () => {
        database.close()
        lost()
      }
      database.onclose = lost
      if (isLate) database.close()
      else resolve(database)
    }
  })
}
