// What nearly every part of the dashboard is made of.

export * from './dom.js'
export * from './format.js'
export * from './http.js'
export * from './live.js'
export * from './router.js'
export * from './session.js'
